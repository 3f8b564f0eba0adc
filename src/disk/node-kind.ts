/** The numbers that tell what kind of file something is: the same in stat(2) and in most file systems. */
import type { NodeKind } from './tree.ts';

/** S_IFMT of inode(7): the bits of a mode that are the kind. */
const kindBits = 0o170000;

const kindsOfModes: ReadonlyMap<number, NodeKind> = new Map<number, NodeKind>([
  [0o010000, 'fifo'],
  [0o020000, 'character'],
  [0o040000, 'directory'],
  [0o060000, 'block'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o140000, 'socket'],
]);

/** The kind in the mode of an inode; undefined when it has none. */
export function kindOfMode(mode: number): NodeKind | undefined {
  return kindsOfModes.get(mode & kindBits);
}

/** By the types of directory entries (FT_REG_FILE …); of 0, only the inode knows. */
export const entryKinds: readonly (NodeKind | undefined)[] = [
  undefined,
  'file',
  'directory',
  'character',
  'block',
  'fifo',
  'socket',
  'symlink',
];
