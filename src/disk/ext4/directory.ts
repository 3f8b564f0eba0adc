/** Directories: finding a name, and listing all. */
import type { NamedInode } from '../inode-node.ts';
import { refuseEncrypted } from './content.ts';
import { directoryBlock, directoryBlocks } from './directory-blocks.ts';
import { findEntry, isDots, isName, storedEntries } from './directory-entries.ts';
import { leavesFor } from './index-search.ts';
import { inlineRest } from './inline-data.ts';
import { type Inode, hasFlag } from './inode.ts';
import type { Volume } from './volume.ts';

/**
 * The inode number that a directory has for exactly this name, or undefined. Through the hash index where there is
 * one; indices of casefolded directories are sorted by the folded names, so those are searched from end to end.
 * @throws PortableError NotSupported when the directory is encrypted, InvalidArgs when it is corrupt
 */
export async function findName(volume: Volume, inode: Inode, name: Buffer): Promise<number | undefined> {
  refuseEncrypted(volume, inode);
  if (!isName(name) || isDots(name)) return undefined;
  for await (const part of isIndexed(volume, inode) ? leaves(volume, inode, name) : allParts(volume, inode)) {
    volume.budget.checkTime();
    const found = findEntry(volume, part.bytes, name, part.where);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * All entries of a directory, in the order stored.
 * @throws PortableError as findName
 */
export async function* listNames(volume: Volume, inode: Inode): AsyncGenerator<NamedInode<number>> {
  refuseEncrypted(volume, inode);
  for await (const part of allParts(volume, inode)) {
    for (const entry of storedEntries(volume, part.bytes, part.where)) {
      volume.budget.charge('directoryEntries');
      if (!isDots(entry.name)) yield { ...entry, name: Buffer.from(entry.name) };
    }
  }
}

/** A piece of a directory that entries do not cross, and what error messages call it. */
interface Part {
  readonly bytes: Buffer;
  readonly where: string;
}

function isIndexed(volume: Volume, inode: Inode): boolean {
  return (
    hasFlag(inode, 'indexed') &&
    volume.superblock.features.has('dir_index') &&
    !hasFlag(inode, 'inlineData') &&
    !hasFlag(inode, 'casefold')
  );
}

async function* leaves(volume: Volume, inode: Inode, name: Buffer): AsyncGenerator<Part> {
  const blocks = directoryBlocks(volume, inode);
  if (blocks === 0) return;
  for await (const bytes of leavesFor(volume, inode, name, blocks)) {
    yield { bytes, where: `directory inode ${inode.number}` };
  }
}

async function* allParts(volume: Volume, inode: Inode): AsyncGenerator<Part> {
  if (hasFlag(inode, 'inlineData')) {
    yield* inlineParts(volume, inode);
    return;
  }
  const blocks = directoryBlocks(volume, inode);
  for (let logical = 0; logical < blocks;) {
    const found = await directoryBlock(volume, inode, logical);
    if ('hole' in found) {
      logical += found.hole;
      continue;
    }
    yield { bytes: found.bytes, where: `directory block ${logical} of inode ${inode.number}` };
    logical++;
  }
}

/**
 * An inline directory has two parts, each full of entries: i_block behind the number of the parent, and the rest.
 * https://docs.kernel.org/filesystems/ext4/inlinedata.html ("Inline Directories")
 */
function* inlineParts(volume: Volume, inode: Inode): Generator<Part> {
  const parentSize = 4;
  const where = `directory inode ${inode.number} (inline)`;
  yield { bytes: inode.blockArea.subarray(parentSize), where };
  yield { bytes: inlineRest(volume, inode), where };
}
