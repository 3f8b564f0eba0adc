/** Searching the trees. Only the blocks on the way are read. */
import type { BlockReference, ReadBlock } from './blocks.ts';
import { corrupt } from './errors.ts';
import { type Key, compareKeys, keyText } from './key.ts';
import type { TreeBlock, TreeRoot } from './tree-block.ts';

/** A tree that can be read. */
export interface Tree {
  /** Its number. */
  readonly id: bigint;
  readonly root: TreeRoot;
  readonly read: ReadBlock;
  /** What error messages call the image. */
  readonly image: string;
}

export interface Item {
  readonly key: Key;
  /** Belongs to the tree: not to be changed, nor handed out. */
  readonly data: Buffer;
}

/** The item with exactly this key. */
export async function findItem(tree: Tree, key: Key): Promise<Buffer | undefined> {
  const item = await findFloor(tree, key);
  return item !== undefined && compareKeys(item.key, key) === 0 ? item.data : undefined;
}

/** The last item whose key is not after `key`. */
export async function findFloor(tree: Tree, key: Key): Promise<Item | undefined> {
  const path = await descend(tree, key);
  return itemAt(path);
}

/** The items from `first` to `last`, both included, in order. */
export async function* itemsBetween(tree: Tree, first: Key, last: Key): AsyncGenerator<Item, void> {
  for await (const item of itemsUpTo(tree, first, last)) {
    if (compareKeys(item.key, first) >= 0) yield item;
  }
}

/** The item that findFloor finds for `first`, if there is one, and those after it up to `last`. */
export async function* itemsUpTo(tree: Tree, first: Key, last: Key): AsyncGenerator<Item, void> {
  const path = await descend(tree, first);
  let item = itemAt(path) ?? (await nextItem(tree, path));
  while (item !== undefined && compareKeys(item.key, last) <= 0) {
    yield item;
    item = await nextItem(tree, path);
  }
}

/** A block on the way from the root, and where the way goes on. */
interface Step {
  readonly block: TreeBlock;
  slot: number;
}

/**
 * The way to the leaf that `key` belongs in, with the last slot whose key is not after it: −1 when there is none, which is
 * so only where `key` comes before all of the tree.
 */
async function descend(tree: Tree, key: Key): Promise<Step[]> {
  const path: Step[] = [];
  let block = await tree.read({ ...tree.root, owner: tree.id, firstKey: undefined });
  for (;;) {
    const slot = block.floor(key);
    if (block.level === 0) {
      path.push({ block, slot });
      return path;
    }
    path.push({ block, slot: Math.max(slot, 0) });
    block = await tree.read(childOf(tree, block, Math.max(slot, 0)));
  }
}

/** Level by level downwards, so there is no way to go round in circles. */
function childOf(tree: Tree, block: TreeBlock, slot: number): BlockReference {
  return { ...block.pointer(slot), level: block.level - 1, owner: tree.id, firstKey: block.key(slot) };
}

function itemAt(path: readonly Step[]): Item | undefined {
  const leaf = path.at(-1);
  if (leaf === undefined || leaf.slot < 0 || leaf.slot >= leaf.block.count) return undefined;
  return { key: leaf.block.key(leaf.slot), data: leaf.block.data(leaf.slot) };
}

/** Moves on to the next item. The keys of a whole tree ascend; one that does not would make a way that never ends. */
async function nextItem(tree: Tree, path: Step[]): Promise<Item | undefined> {
  const before = itemAt(path);
  const leaf = path.at(-1);
  if (leaf !== undefined) leaf.slot++;
  if (itemAt(path) === undefined) await nextLeaf(tree, path);
  const item = itemAt(path);
  if (before !== undefined && item !== undefined && compareKeys(before.key, item.key) >= 0) {
    throw corrupt(
      tree.image,
      `tree ${tree.id} has the key ${keyText(item.key)} after ${keyText(before.key)}`,
    );
  }
  return item;
}

/** Goes up until there is a way to the right, and down again to a leaf. */
async function nextLeaf(tree: Tree, path: Step[]): Promise<void> {
  let depth = path.length - 2;
  while (depth >= 0 && lastSlot(path[depth])) depth--;
  const turn = path[depth];
  if (turn === undefined) return;
  turn.slot++;
  path.length = depth + 1;
  let { block } = turn;
  for (let { slot } = turn; block.level > 0; slot = 0) {
    block = await tree.read(childOf(tree, block, slot));
    path.push({ block, slot: 0 });
  }
}

function lastSlot(step: Step | undefined): boolean {
  return step === undefined || step.slot + 1 >= step.block.count;
}
