/** Where images have their os-release file: os-release(5). */
import type { Budget } from '../disk/budget.ts';
import type { FileTree } from '../disk/tree.ts';
import { readFile } from '../disk/walk.ts';

/** The os-release file of a tree, as stored: that in /etc, else that in /usr/lib. Undefined where there is none. */
export async function readOsReleaseFile(tree: FileTree, budget: Budget): Promise<Buffer | undefined> {
  const { osReleaseBytes } = budget.limits;
  return (
    (await readFile(tree, '/etc/os-release', osReleaseBytes, budget)) ??
    (await readFile(tree, '/usr/lib/os-release', osReleaseBytes, budget))
  );
}
