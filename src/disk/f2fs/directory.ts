/**
 * Directories: finding a name, and listing all. A large one is a row of hash tables, each with twice the buckets of the
 * one before; a name is in one of its hash's buckets. https://docs.kernel.org/filesystems/f2fs.html ("Directory
 * Structure").
 */
import { teaHash } from '../tea.ts';
import { addressesFrom } from './block-map.ts';
import { refuseEncrypted } from './content.ts';
import { type StoredEntry, findEntry, isName, storedEntries } from './entries.ts';
import type { Inode } from './inode.ts';
import { type Nodes, hole, reserved } from './nodes.ts';

/** Hash tables of a directory at most; from the middle on they have as many buckets, of more blocks. */
const maxDepth = 63;
const growingLevels = 31;
const mostBuckets = 2 ** 30;
const bucketBlocks = { growing: 2, full: 4 };

/**
 * The inode number that a directory has for exactly this name, or undefined. Through the hash tables; casefolded directories are in the order of the
 * folded names' hashes, so those are searched from end to end.
 * @throws PortableError NotSupported when the directory is encrypted, InvalidArgs when it is corrupt
 */
export async function findName(nodes: Nodes, inode: Inode, name: Buffer): Promise<number | undefined> {
  refuseEncrypted(nodes.volume, inode);
  if (!isName(name)) return undefined;
  const isHashed = !inode.hasInlineEntries && !inode.isCasefolded;
  const hash = isHashed ? teaHash(name) : undefined;
  for await (const part of hash === undefined ? allParts(nodes, inode) : bucketsOf(nodes, inode, hash)) {
    const found = findEntry(nodes.volume, part.area, { name, hash }, part.where);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * All entries of a directory, in the order stored.
 * @throws PortableError as findName
 */
export async function* listNames(nodes: Nodes, inode: Inode): AsyncGenerator<StoredEntry> {
  refuseEncrypted(nodes.volume, inode);
  for await (const part of allParts(nodes, inode)) {
    for (const entry of storedEntries(nodes.volume, part.area, part.where)) {
      nodes.volume.budget.charge('directoryEntries');
      yield entry;
    }
  }
}

/** A piece of a directory that entries do not cross, and what error messages call it. */
interface Part {
  readonly area: Buffer;
  readonly where: string;
}

/** The blocks that a name with this hash may be in. */
async function* bucketsOf(nodes: Nodes, inode: Inode, hash: number): AsyncGenerator<Part> {
  const { volume } = nodes;
  if (inode.depth > maxDepth) {
    throw volume.corrupt(
      `directory inode ${inode.number} has ${inode.depth} hash tables, at most ${maxDepth} are allowed`,
    );
  }
  const blocks = directoryBlocks(nodes, inode);
  let first = 0;
  for (let level = 0; level < inode.depth && first < blocks; level++) {
    const doubled = level + inode.directoryLevel;
    const buckets = doubled < growingLevels ? 2 ** doubled : mostBuckets;
    const size = level < growingLevels ? bucketBlocks.growing : bucketBlocks.full;
    const bucket = first + (hash % buckets) * size;
    for (let index = bucket; index < Math.min(bucket + size, blocks); index++) {
      const { words } = await addressesFrom(nodes, inode, index);
      const address = words?.readUInt32LE(0) ?? hole;
      if (address !== hole && address !== reserved) yield partAt(nodes, inode, index, address);
    }
    first += buckets * size;
  }
}

async function* allParts(nodes: Nodes, inode: Inode): AsyncGenerator<Part> {
  if (inode.hasInlineEntries) {
    yield { area: inode.inlineArea, where: `directory inode ${inode.number} (inline)` };
    return;
  }
  const blocks = directoryBlocks(nodes, inode);
  for (let index = 0; index < blocks;) {
    nodes.volume.budget.checkTime();
    const { count, words } = await addressesFrom(nodes, inode, index);
    for (let from = 0; words !== undefined && from < count && index + from < blocks; from++) {
      const address = words.readUInt32LE(from * 4);
      if (address !== hole && address !== reserved) yield await partAt(nodes, inode, index + from, address);
    }
    index += count;
  }
}

async function partAt(nodes: Nodes, inode: Inode, index: number, address: number): Promise<Part> {
  const where = `directory block ${index} of inode ${inode.number}`;
  return { area: await nodes.volume.mainBlock(address, where), where };
}

function directoryBlocks(nodes: Nodes, inode: Inode): number {
  return Number(inode.size / BigInt(nodes.volume.superblock.blockSize));
}
