/** Keys: what everything in a tree is sorted by. */
import { max64 } from './format.ts';

/** "On-disk Format", Key. Compared as numbers, field by field. */
export interface Key {
  readonly objectId: bigint;
  readonly type: number;
  readonly offset: bigint;
}

/** The key at `at`, of 17 bytes. */
export function readKey(bytes: Buffer, at: number): Key {
  return {
    objectId: bytes.readBigUInt64LE(at),
    type: bytes.readUInt8(at + 8),
    offset: bytes.readBigUInt64LE(at + 9),
  };
}

/** Below 0 when `a` comes first, above 0 when `b` does. */
export function compareKeys(a: Key, b: Key): number {
  if (a.objectId !== b.objectId) return a.objectId < b.objectId ? -1 : 1;
  if (a.type !== b.type) return a.type - b.type;
  if (a.offset !== b.offset) return a.offset < b.offset ? -1 : 1;
  return 0;
}

/** The last key that an object can have of a type. */
export function lastKey(objectId: bigint, type: number): Key {
  return { objectId, type, offset: max64 };
}

/** "(256 1 0)", as in the output of `btrfs inspect-internal dump-tree`. */
export function keyText({ objectId, type, offset }: Key): string {
  return `(${objectId} ${type} ${offset})`;
}
