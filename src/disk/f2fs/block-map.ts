/**
 * Where the blocks of a file are: the first in the inode, the others in nodes of addresses, found through nodes of node
 * numbers. https://docs.kernel.org/filesystems/f2fs.html ("Index Structure").
 */
import type { Inode } from './inode.ts';
import { type Nodes, footerSize } from './nodes.ts';

/** The address of a cluster that is compressed: the blocks behind it have the compressed bytes. */
export const compressedMark = 0xffff_fffe;

/** Addresses of blocks that follow each other in a file. */
export interface Addresses {
  /** How many there are; at least one. */
  readonly count: number;
  /** 32 bits each; undefined: there are no blocks, all are zeros. */
  readonly words: Buffer | undefined;
}

/**
 * The addresses of a file's blocks from `index` on, as far as one node has them.
 * @throws PortableError InvalidArgs when there can be no such block, or a node on the way is corrupt
 */
export async function addressesFrom(nodes: Nodes, inode: Inode, index: number): Promise<Addresses> {
  const own = inode.addresses.length / 4;
  if (index < own) return { count: own - index, words: inode.addresses.subarray(index * 4) };
  const perNode = Math.floor((nodes.volume.superblock.blockSize - footerSize) / 4);
  const cluster = inode.compression?.clusterBlocks ?? 1;
  const shape: Shape = { perNode, perLeaf: perNode - (perNode % cluster) };
  let rest = index - own;
  for (const [child, levels] of childLevels.entries()) {
    const span = spanOf(shape, levels);
    if (rest < span)
      return descend(nodes, inode, { number: inode.children[child] ?? 0, levels, rest }, shape);
    rest -= span;
  }
  throw nodes.volume.corrupt(`inode ${inode.number} has no place for a block ${index}`);
}

/** Levels of node numbers above the addresses, for each of the nodes that an inode knows. */
const childLevels = [0, 0, 1, 1, 2] as const;

interface Shape {
  /** Numbers in a node of node numbers. */
  readonly perNode: number;
  /** Addresses in a node of these: a cluster does not cross nodes. */
  readonly perLeaf: number;
}

/** Blocks below a node. */
function spanOf({ perNode, perLeaf }: Shape, levels: number): number {
  return perLeaf * perNode ** levels;
}

interface Place {
  /** Of the node; 0: there is none. */
  readonly number: number;
  readonly levels: number;
  /** Blocks from the first one below it. */
  readonly rest: number;
}

async function descend(nodes: Nodes, inode: Inode, top: Place, shape: Shape): Promise<Addresses> {
  let { number, rest } = top;
  for (let levels = top.levels; ; levels--) {
    if (number === 0) return { count: spanOf(shape, levels) - rest, words: undefined };
    const node = await nodes.read(number, inode.number);
    if (levels === 0)
      return { count: shape.perLeaf - rest, words: node.subarray(rest * 4, shape.perLeaf * 4) };
    const below = spanOf(shape, levels - 1);
    number = node.readUInt32LE(Math.floor(rest / below) * 4);
    rest %= below;
  }
}
