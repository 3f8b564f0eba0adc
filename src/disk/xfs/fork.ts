/**
 * The two forks of an inode: what it holds, and its extended attributes.
 * "XFS Algorithms & Data Structures", chapter "On-disk Inode" (di_format, di_aformat).
 */
import type { NodeKind } from '../tree.ts';

/** local: the content itself; extents: a list of where it is; btree: the root of a tree of such lists. */
export type ForkFormat = 'device' | 'local' | 'extents' | 'btree';

export interface Fork {
  readonly name: 'data' | 'attribute';
  readonly format: ForkFormat;
  /** The part of the inode that is the fork's. */
  readonly bytes: Buffer;
  /** Extents in all. */
  readonly extents: bigint;
}

/** By the number in the inode. */
const formats: readonly ForkFormat[] = ['device', 'local', 'extents', 'btree'];

/** Formats that the data of each kind may have. */
export const forkFormats: Readonly<Record<NodeKind, readonly ForkFormat[]>> = {
  file: ['extents', 'btree'],
  directory: ['local', 'extents', 'btree'],
  symlink: ['local', 'extents'],
  fifo: ['device'],
  socket: ['device'],
  character: ['device'],
  block: ['device'],
};

/** Undefined when nothing is known of the format. */
export function forkOf(format: number, fork: Omit<Fork, 'format'>): Fork | undefined {
  const known = formats[format];
  return known === undefined ? undefined : { ...fork, format: known };
}
