/** What all forms in which attributes are stored have in common: "XFS Algorithms & Data Structures", "Extended Attributes". */
import type { Volume } from './volume.ts';

/** An attribute with its value, or where that is. */
export interface XattrEntry {
  readonly flags: number;
  /** Without what the flags stand for. */
  readonly name: Buffer;
  readonly value: Buffer | RemoteValue;
}

/** A value in blocks of its own. */
export interface RemoteValue {
  /** The first, of the attribute fork. */
  readonly block: number;
  /** Bytes of the value. */
  readonly size: number;
}

/** Flags of an entry. */
export const xattrFlags = {
  /** The value is with the name. */
  local: 0x1,
  trusted: 0x2,
  secure: 0x4,
  /** Not a user's: says in which directory the file is, by what name. */
  parent: 0x8,
  /** It was being written, and that did not end: there is none. */
  incomplete: 0x80,
} as const;

/** At most one of them. */
const nameSpaces = [xattrFlags.trusted, xattrFlags.secure, xattrFlags.parent];

const knownFlags = Object.values(xattrFlags).reduce((all: number, flag) => all | flag, 0);

/** @throws PortableError NotSupported naming flags that nobody knows, InvalidArgs for two name spaces at once */
export function checkFlags(volume: Volume, flags: number, what: string): void {
  const named = `the flags 0x${flags.toString(16)}`;
  if ((flags & ~knownFlags) !== 0)
    throw volume.unsupported(`${named} in ${what}, not all of which are known`);
  if (nameSpaces.filter((flag) => (flags & flag) !== 0).length > 1) {
    throw volume.corrupt(`${what} is in several name spaces (${named})`);
  }
}

/** Whether this can be the name of an attribute. */
export function isXattrName(name: Buffer): boolean {
  return name.length > 0 && !name.includes(0);
}
