/** How images in a tree are named by path. */
import { lstatSync, realpathSync } from 'node:fs';
import { isAbsolute, normalize, relative, resolve } from 'node:path';

import { errnoOf, quoted } from '../../base/errors.ts';
import { isWithin } from '../../base/logical-path.ts';
import { UsageError } from '../../terminal/failure.ts';

/**
 * The path of an image as the tree will know it. An absolute path is such a path; a relative one, and an absolute one
 * that is only there on this machine, leads to a file of this machine, which must be in the tree.
 * @param tree on disk, absolute
 * @throws UsageError
 */
export function imageInTree(text: string, tree: string, cwd: string): string {
  if (text === '') throw new UsageError('An image has a name or a path, not nothing.');
  const here = real(resolve(cwd, text));
  const leadsIn = isWithin(here, real(tree));
  const inTree = normalize(text).replace(/(?<=.)\/$/, '');
  if (isAbsolute(text) && (exists(tree + inTree) || !leadsIn)) return inTree;
  if (leadsIn) return `/${relative(real(tree), here)}`;
  throw new UsageError(
    `${quoted(text)} is not in ${quoted(tree)}`,
    'copy the image there first, for example to var/lib/portables in it; absolute paths are those of the tree',
  );
}

/** With links resolved, as far as it is there. */
function real(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return path;
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
