/** Where images have their os-release file: os-release(5). */
import type { Budget } from '../disk/budget.ts';
import type { FileTree } from '../disk/tree.ts';
import { readFile } from '../disk/walk.ts';

/** The first that is there counts. */
const places = ['/etc/os-release', '/usr/lib/os-release'];

/** The os-release file of a tree, as stored, and where it is. Undefined where there is none. */
export async function readOsReleaseFile(
  tree: FileTree,
  budget: Budget,
): Promise<{ readonly path: string; readonly content: Buffer } | undefined> {
  for (const path of places) {
    const content = await readFile(tree, path, budget.limits.osReleaseBytes, budget);
    if (content !== undefined) return { path, content };
  }
  return undefined;
}
