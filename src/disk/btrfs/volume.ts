/** What everything that reads one file system shares. */
import type { Budget } from '../budget.ts';
import { Recent } from '../recent.ts';
import type { BlockSource } from '../source.ts';
import { type Tree, findFloor } from './btree.ts';
import { blockReader } from './blocks.ts';
import { type Chunk, type FindChunk, readChunk, readSystemChunks } from './chunk.ts';
import { corrupt } from './errors.ts';
import { keyType, objectId } from './format.ts';
import { type Superblock, readSuperblock } from './superblock.ts';

/** A tree as the root tree describes it. */
export interface Root {
  readonly tree: Tree;
  /** Of a subvolume: the inode number of its top directory. */
  readonly directory: bigint;
}

export interface Volume {
  readonly source: BlockSource;
  readonly budget: Budget;
  readonly superblock: Superblock;
  readonly findChunk: FindChunk;
  readonly rootTree: Tree;
  /** By their number, as roots.ts has found them. */
  readonly roots: Recent<bigint, Root | undefined>;
  /** Decompressed extents, by what describes them. */
  readonly extents: Recent<string, Buffer>;
}

/** What is kept: chunks, trees, and extents of at most 128 KiB. */
const keptChunks = 64;
const keptRoots = 64;
const keptExtents = 8;

/** @throws PortableError as readSuperblock */
export async function openVolume(source: BlockSource, budget: Budget): Promise<Volume> {
  const superblock = await readSuperblock(source);
  const findChunk = chunkFinder(source, budget, superblock);
  const rootTree: Tree = {
    id: objectId.rootTree,
    root: superblock.rootTree,
    read: blockReader({ source, budget, superblock, findChunk }),
    image: source.name,
  };
  return {
    source,
    budget,
    superblock,
    findChunk,
    rootTree,
    roots: new Recent(keptRoots),
    extents: new Recent(keptExtents),
  };
}

/** The chunk tree is in the chunks that the superblock lists, and tells of all the others. */
function chunkFinder(source: BlockSource, budget: Budget, superblock: Superblock): FindChunk {
  const { name } = source;
  const system = readSystemChunks(name, superblock);
  const inSystem = (address: bigint) => system.find(({ start, end }) => start <= address && address < end);
  const none = (address: bigint) => corrupt(name, `the logical address ${address} is in no chunk`);
  const chunkTree: Tree = {
    id: objectId.chunkTree,
    root: superblock.chunkTree,
    read: blockReader({
      source,
      budget,
      superblock,
      findChunk: (address) => {
        const chunk = inSystem(address);
        return chunk === undefined ? Promise.reject(none(address)) : Promise.resolve(chunk);
      },
    }),
    image: name,
  };
  const known: Chunk[] = [];
  return async (address) => {
    const chunk = inSystem(address) ?? known.find(({ start, end }) => start <= address && address < end);
    if (chunk !== undefined) return chunk;
    const key = { objectId: objectId.firstChunkTree, type: keyType.chunkItem, offset: address };
    const item = await findFloor(chunkTree, key);
    if (item?.key.objectId !== key.objectId || item.key.type !== key.type) throw none(address);
    const found = readChunk(name, superblock, item.key, item.data);
    if (address >= found.end) throw none(address);
    known.unshift(found);
    if (known.length > keptChunks) known.pop();
    return found;
  };
}
