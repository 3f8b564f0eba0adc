/**
 * A tree as anyone may see it: whatever permission bits deny to others is refused, whoever we are. The owner's and
 * group's bits do not count.
 */
import { PortableError, quoted } from '../base/errors.ts';
import type { FileTree, TreeNode } from './tree.ts';

const othersMayRead = 0o4;
const othersMaySearch = 0o1;

/** `tree` for the rest of the world. Reading what it may not read throws AccessDenied. */
export function worldView(tree: FileTree): FileTree {
  return {
    type: tree.type,
    name: tree.name,
    root: async () => asSeen(await tree.root(), tree.name),
    close: () => tree.close(),
  };
}

function asSeen(node: TreeNode, name: string): TreeNode {
  const need = (bit: number): void => {
    if ((node.stat.mode & bit) === 0) {
      throw new PortableError('AccessDenied', `not everyone may read ${quoted(name)}`, { file: name });
    }
  };
  return {
    stat: node.stat,
    async lookup(entry) {
      need(othersMaySearch);
      const found = await node.lookup(entry);
      return found === undefined ? undefined : asSeen(found, name);
    },
    async *entries() {
      need(othersMayRead);
      yield* node.entries();
    },
    readlink: () => node.readlink(),
    async read(offset, length) {
      need(othersMayRead);
      return node.read(offset, length);
    },
    xattrs: () => node.xattrs(),
    close: () => node.close(),
  };
}
