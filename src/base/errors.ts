/**
 * Every failure that reaches a caller is a PortableError: a code from the catalogue below (which fixes the
 * D-Bus error name), a message that says what happened to which file, the cause, and a hint where there is
 * something the reader can do. Names: ../shared spec "D-Bus interface", section Replies.
 */

const DBUS = 'org.freedesktop.DBus.Error';
const PORTABLE = 'org.freedesktop.portable1';
const SYSTEMD = 'org.freedesktop.systemd1';

/** The catalogue: code → D-Bus error name. File-system errors that have no entry become System.Error.<ERRNO>. */
export const errorNames = {
  NoSuchImage: `${PORTABLE}.NoSuchImage`,
  BadImageType: `${PORTABLE}.BadImageType`,
  NoMatchingUnitFiles: `${PORTABLE}.NoMatchingUnitFiles`,
  UnitExists: `${SYSTEMD}.UnitExists`,
  NoSuchUnit: `${SYSTEMD}.NoSuchUnit`,
  InvalidArgs: `${DBUS}.InvalidArgs`,
  FileNotFound: `${DBUS}.FileNotFound`,
  FileExists: `${DBUS}.FileExists`,
  AccessDenied: `${DBUS}.AccessDenied`,
  InteractiveAuthorizationRequired: `${DBUS}.InteractiveAuthorizationRequired`,
  NotSupported: `${DBUS}.NotSupported`,
  IOError: `${DBUS}.IOError`,
  NoMemory: `${DBUS}.NoMemory`,
  LimitsExceeded: `${DBUS}.LimitsExceeded`,
  Failed: `${DBUS}.Failed`,
  Timeout: `${DBUS}.Timeout`,
  UnknownObject: `${DBUS}.UnknownObject`,
  UnknownInterface: `${DBUS}.UnknownInterface`,
  UnknownMethod: `${DBUS}.UnknownMethod`,
  UnknownProperty: `${DBUS}.UnknownProperty`,
  PropertyReadOnly: `${DBUS}.PropertyReadOnly`,
  Busy: 'System.Error.EBUSY',
  ReadOnlyFileSystem: 'System.Error.EROFS',
  Stale: 'System.Error.ESTALE',
  NoMedium: 'System.Error.ENOMEDIUM',
  Loop: 'System.Error.ELOOP',
  NotUnique: 'System.Error.ENOTUNIQ',
  Cancelled: 'System.Error.ECANCELED',
} as const;

/** A code of the catalogue. */
export type ErrorCode = keyof typeof errorNames;

/** What a PortableError carries besides its code and message. */
export interface ErrorDetails {
  /** The file, image, unit or bus object the failure is about. */
  readonly file?: string | undefined;
  /** What the reader can do about it; printed after the message. */
  readonly hint?: string | undefined;
  /** The underlying failure. */
  readonly cause?: unknown;
  /** Overrides the catalogue's D-Bus name (file-system errors without an entry of their own). */
  readonly dbusName?: string | undefined;
}

/** A typed failure with a D-Bus name, the file concerned, the cause and a hint. */
export class PortableError extends Error {
  override readonly name = 'PortableError';
  readonly code: ErrorCode;
  readonly dbusName: string;
  readonly file: string | undefined;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.dbusName = details.dbusName ?? errorNames[code];
    this.file = details.file;
    this.hint = details.hint;
  }

  /** Message and hint in one line, as sent over the bus and printed for people. */
  describe(): string {
    return this.hint === undefined ? this.message : `${this.message} (${this.hint})`;
  }
}

/** errno → code of the catalogue, for the errors that D-Bus has a name of its own for. */
const errnoCodes: Readonly<Record<string, ErrorCode>> = {
  ENOENT: 'FileNotFound',
  EEXIST: 'FileExists',
  EINVAL: 'InvalidArgs',
  EACCES: 'AccessDenied',
  EPERM: 'AccessDenied',
  EOPNOTSUPP: 'NotSupported',
  ENOTSUP: 'NotSupported',
  EIO: 'IOError',
  ENOMEM: 'NoMemory',
  ETIMEDOUT: 'Timeout',
  EBUSY: 'Busy',
  EROFS: 'ReadOnlyFileSystem',
  ESTALE: 'Stale',
  ENOMEDIUM: 'NoMedium',
  ELOOP: 'Loop',
  ECANCELED: 'Cancelled',
};

/** The errno name ("ENOENT") of a failed system call, or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    /^E[A-Z0-9]+$/.test(error.code)
  ) {
    return error.code;
  }
  return undefined;
}

/**
 * Turns a failed file-system call into a PortableError that says what was being done to which file.
 * PortableErrors pass through unchanged; anything that is not a system error (a bug) is rethrown as it is.
 *
 * @param doing what was attempted, as it fits after "cannot": "read", "create directory"
 */
export function fileError(error: unknown, doing: string, file: string, hint?: string): PortableError {
  if (error instanceof PortableError) return error;
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  const code = errnoCodes[errno];
  const message = `cannot ${doing} ${quoted(file)}: ${reasonOf(error, errno)}`;
  return new PortableError(code ?? 'Failed', message, {
    file,
    hint,
    cause: error,
    dbusName: code === undefined ? `System.Error.${errno}` : undefined,
  });
}

/** A file name, or any other text from outside, as it is safe to print: quoted, control characters escaped. */
export function quoted(text: string): string {
  return `'${escapeControl(text)}'`;
}

/** Replaces control characters (and the lone surrogates Node makes of bad UTF-8) by escapes. */
export function escapeControl(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** Any thrown value in words. */
export function messageOf(error: unknown): string {
  if (error instanceof PortableError) return error.describe();
  return error instanceof Error ? error.message : String(error);
}

/** Node's "ENOENT: no such file or directory, open '…'" cut down to the reason. */
function reasonOf(error: unknown, errno: string): string {
  const text = messageOf(error);
  const match = /^E[A-Z0-9]+: ([^,]+)/.exec(text);
  return match?.[1] ?? errno;
}
