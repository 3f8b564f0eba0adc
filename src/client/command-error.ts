/** What a verb fails with, in words for the person who typed it. */
import { messageOf } from '../base/errors.ts';
import { BusError } from '../dbus/bus-error.ts';

/** "Cannot attach 'foo': …", and what to try. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly hint: string | undefined;
  /** The D-Bus name of what it comes from. */
  readonly dbusName: string | undefined;
  /** The image it is about. */
  readonly image: string | undefined;
  /** It is its cause, and what has become of the rest. */
  readonly tellsRest: boolean;

  constructor(message: string, details: ErrorDetails) {
    super(message, { cause: details.cause });
    this.hint = details.hint;
    this.dbusName = details.dbusName;
    this.image = details.image;
    this.tellsRest = details.tellsRest ?? false;
  }
}

interface ErrorDetails {
  readonly hint?: string | undefined;
  readonly dbusName?: string | undefined;
  readonly image?: string | undefined;
  readonly cause?: unknown;
  readonly tellsRest?: boolean;
}

/**
 * @param doing as it fits after "cannot": "attach 'foo'"
 * @param image the image it is about, where that is one
 * @returns the error with what failed, why, and what to try; what is no answer of a bus or service stays as it is
 */
export function commandError(error: unknown, doing: string, image: string | undefined): unknown {
  if (!(error instanceof BusError)) return error;
  const { dbusName } = error;
  const ownHint = hints[shortName(dbusName)];
  // who may do what is better told from here
  const { message, hint } =
    ownHint?.startsWith(mayNot) === true
      ? { message: error.message, hint: undefined }
      : splitHint(error.message);
  return new CommandError(`Cannot ${doing}: ${message === '' ? dbusName : message}`, {
    hint: hint ?? ownHint,
    dbusName,
    image,
    cause: error,
  });
}

/** Our daemon says in parentheses what to try. */
function splitHint(text: string): { readonly message: string; readonly hint?: string | undefined } {
  const [, message = text, hint] = /^([^]+) \(([^()]+)\)$/.exec(text) ?? [];
  return { message, hint };
}

/** The failure, and below it what has become of the rest, as it was told last; nothing where there is nothing to tell. */
export function withRest(error: unknown, rest: string): unknown {
  if (rest === '') return error;
  const failure = error instanceof CommandError && error.tellsRest ? error.cause : error;
  const known = failure instanceof CommandError ? failure : undefined;
  return new CommandError(`${messageOf(failure)}\n${rest}`, {
    hint: known?.hint,
    dbusName: known?.dbusName,
    image: known?.image,
    cause: failure,
    tellsRest: true,
  });
}

/** The failure, and below it what else is to be said. */
export function withMore(error: unknown, lines: readonly string[]): unknown {
  if (lines.length === 0) return error;
  const known = error instanceof CommandError ? error : undefined;
  return new CommandError([messageOf(error), ...lines].join('\n'), {
    hint: known?.hint,
    dbusName: known?.dbusName,
    image: known?.image,
    cause: error,
  });
}

/** The last part of an error's name, which is unique among those we know. */
function shortName(dbusName: string): string {
  return dbusName.slice(dbusName.lastIndexOf('.') + 1);
}

const notRunning =
  'is systemd-portabled or portabled installed? "busctl status org.freedesktop.portable1" tells more';
const mayNot = 'try it as root, or allow the polkit actions org.freedesktop.portable1.* to this user';

/** What to try, by the kind of error. Daemons that know more say more themselves. */
const hints: Readonly<Record<string, string>> = {
  NoSuchImage: 'portablectl list names the images there are; other images are named by path',
  NoMatchingUnitFiles: 'portablectl inspect IMAGE - lists all its units; name the prefixes of those you want',
  BadImageType: 'an image is a directory, a block device, or a file whose name ends in .raw',
  NoSuchUnit:
    'portablectl list tells what is attached; --runtime and --extension= must be as they were when it was attached',
  UnitExists: 'detach what it comes from, stop it, or use --force',
  FileNotFound:
    'is it there, and does it have os-release and units? Extensions outside of the image directories are named by path',
  AccessDenied: mayNot,
  InteractiveAuthorizationRequired: `${mayNot}, or leave out --no-ask-password on a terminal`,
  NotSupported: 'limits need the images to be on btrfs, with quota on',
  EBUSY: 'detach it first',
  EROFS: 'images below /usr belong to packages, and change with these',
  ESTALE: 'the ID= and VERSION_ID= (or SYSEXT_LEVEL=) of image and extension must be equal',
  ServiceUnknown: notRunning,
  NameHasNoOwner: notRunning,
  LimitsExceeded: 'wait until the other changes are done',
};
