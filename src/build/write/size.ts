/** Counting what is in a staged tree. */
import type { StagedFile, StagingTree } from '../tree.ts';

export interface TreeSize {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  /** What all files have in them, hard links once, bytes. */
  readonly closureBytes: number;
}

/** Counts what is in a tree, but for its root. */
export function sizeOf(tree: StagingTree): TreeSize {
  const count = { file: 0, directory: 0, symlink: 0 };
  const files = new Set<StagedFile>();
  for (const { node } of tree.walk()) {
    count[node.kind]++;
    if (node.kind === 'file') files.add(node);
  }
  const closureBytes = [...files].reduce((sum, { content }) => sum + content.size, 0);
  return { files: count.file, directories: count.directory, symlinks: count.symlink, closureBytes };
}
