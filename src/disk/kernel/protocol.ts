/**
 * What the daemon and the process that mounts an image say to each other: one message of Node's IPC channel each
 * (serialization "advanced", so that buffers and big integers go as they are). Requests are answered by their number.
 */
import { type ErrorCode, PortableError, messageOf } from '../../base/errors.ts';
import type { Limits } from '../budget.ts';
import type { DirectoryEntry, NodeStat } from '../tree.ts';

/** What is to be mounted: a part of the file that the process was started with. */
export interface Opening {
  /** The file system's name, for mount(8). */
  readonly type: string;
  /** Bytes. */
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** What error messages call it. */
  readonly name: string;
  /** `wallTimeMs` is what is left of it. */
  readonly limits: Limits;
}

/** A node, by the number it has until it is closed. */
export interface NodeHandle {
  readonly node: number;
  readonly stat: NodeStat;
}

/** Every request with what it takes and gives. */
export interface Operations {
  readonly open: { readonly takes: Opening; readonly gives: undefined };
  readonly root: { readonly takes: undefined; readonly gives: NodeHandle };
  readonly lookup: {
    readonly takes: { readonly node: number; readonly name: Buffer };
    readonly gives: NodeHandle | undefined;
  };
  /** Begins a listing; gives its number. */
  readonly list: { readonly takes: { readonly node: number }; readonly gives: number };
  /** The next entries of a listing; none at its end. */
  readonly next: { readonly takes: { readonly listing: number }; readonly gives: readonly DirectoryEntry[] };
  readonly endList: { readonly takes: { readonly listing: number }; readonly gives: undefined };
  readonly readlink: { readonly takes: { readonly node: number }; readonly gives: Buffer };
  readonly read: {
    readonly takes: { readonly node: number; readonly offset: bigint; readonly length: number };
    readonly gives: Buffer;
  };
  readonly xattrs: {
    readonly takes: { readonly node: number };
    readonly gives: ReadonlyMap<string, Buffer>;
  };
  readonly close: { readonly takes: { readonly node: number }; readonly gives: undefined };
}

export type Operation = keyof Operations;

/** A request, of any operation. */
export type Request = {
  [Op in Operation]: { readonly id: number; readonly operation: Op; readonly takes: Operations[Op]['takes'] };
}[Operation];

/** A PortableError on its way. */
interface SentError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly file: string | undefined;
  readonly hint: string | undefined;
  readonly dbusName: string | undefined;
}

export type Reply =
  | { readonly id: number; readonly gives: Operations[Operation]['gives'] }
  | { readonly id: number; readonly error: SentError };

/** The descriptor of the image in the process that mounts it; 3 is the channel's. */
export const imageDescriptor = 4;

/** The most bytes that one `read` gives. */
export const longestRead = 256 * 1024;

/** The most entries that one `next` gives. */
export const longestList = 256;

/** An error as it goes over the channel; what is none of ours keeps its words only. */
export function sendableError(error: unknown): SentError {
  if (!(error instanceof PortableError)) {
    return {
      code: 'Failed',
      message: messageOf(error),
      file: undefined,
      hint: undefined,
      dbusName: undefined,
    };
  }
  const { code, message, file, hint, dbusName } = error;
  return { code, message, file, hint, dbusName };
}

/** The error that was sent. */
export function receivedError({ code, message, file, hint, dbusName }: SentError): PortableError {
  return new PortableError(code, message, { file, hint, dbusName });
}
