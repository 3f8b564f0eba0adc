import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { rememberingTree } from '../../../src/disk/remembering-tree.ts';
import { readFile, resolve } from '../../../src/disk/walk.ts';
import type { FileTree, TreeNode } from '../../../src/disk/tree.ts';
import { directory, memoryTree } from '../../support/memory-tree.ts';

const content = directory({
  usr: directory({ lib: directory({ a: 'A', b: 'B' }) }),
  link: { link: 'usr/lib' },
});

/** A tree that counts what it is asked for. */
function counting(tree: FileTree): FileTree & { lookups: number } {
  const wrap = (node: TreeNode): TreeNode =>
    Object.assign(Object.create(node) as TreeNode, {
      lookup: async (name: Buffer) => {
        counted.lookups++;
        const found = await node.lookup(name);
        return found === undefined ? undefined : wrap(found);
      },
      close: () => node.close(),
      read: (offset: bigint, length: number) => node.read(offset, length),
      readlink: () => node.readlink(),
    });
  const counted = {
    type: tree.type,
    name: tree.name,
    lookups: 0,
    root: async () => wrap(await tree.root()),
    close: () => tree.close(),
  };
  return counted;
}

describe('rememberingTree', () => {
  it('answers as the tree does, and asks it once for each directory and each missing name', async () => {
    const counted = counting(memoryTree(content));
    const tree = rememberingTree(counted);
    const budget = new Budget('test');
    for (let i = 0; i < 3; i++) {
      assert.equal((await readFile(tree, '/usr/lib/a', 10, budget))?.toString(), 'A');
      assert.equal((await readFile(tree, '/usr/lib/b', 10, budget))?.toString(), 'B');
      assert.equal((await readFile(tree, '/link/a', 10, budget))?.toString(), 'A');
      assert.equal(await resolve(tree, '/usr/nope/x', budget, { follow: true }), undefined);
    }
    // usr, lib and nope once; a, b, link and a again each time
    assert.equal(counted.lookups, 3 + 3 * 4);
  });

  it('closes everything with the tree, and nothing before', async () => {
    const inner = memoryTree(content);
    const tree = rememberingTree(inner);
    const found = await resolve(tree, '/usr/lib', new Budget('test'), { follow: true });
    await found?.node.close();
    assert.ok(inner.openNodes > 0);
    await tree.close();
    assert.equal(inner.openNodes, 0);
  });

  it('holds no more than so many directories', async () => {
    const many = directory(
      Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`d${i}`, directory({ x: 'x' })])),
    );
    const inner = memoryTree(many);
    const tree = rememberingTree(inner);
    for (let i = 0; i < 500; i++) await readFile(tree, `/d${i}/x`, 10, new Budget('test'));
    assert.ok(inner.openNodes <= 64, `${inner.openNodes} are open`);
    await tree.close();
    assert.equal(inner.openNodes, 0);
  });
});
