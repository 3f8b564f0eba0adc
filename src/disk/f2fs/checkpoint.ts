/**
 * The checkpoint: a moment at which all of the file system was consistent. There are two packs of it, written in turns;
 * the newer one that is whole counts. What was written after it (and could be recovered by rolling forward) is not
 * looked at, as with the mount option norecovery. Layout: struct f2fs_checkpoint;
 * https://docs.kernel.org/filesystems/f2fs.html ("On-disk Layout", "Checkpoint").
 */
import type { PortableError } from '../../base/errors.ts';
import { f2fsCrc, magicNumber } from './checksum.ts';
import { type NatEntry, journalEntries } from './nat-journal.ts';
import { blocksPerSegment } from './superblock.ts';
import type { Volume } from './volume.ts';

/** Fields, bytes from the start of the first block. */
const at = {
  version: 0,
  flags: 132,
  packBlocks: 136,
  summaryStart: 140,
  sitBitmapSize: 156,
  natBitmapSize: 160,
  checksumOffset: 164,
  bitmaps: 192,
} as const;
const checksumSize = 4;

const flags = { compactSummary: 0x4, largeNatBitmap: 0x400 } as const;

/** More would be a checkpoint larger than its segment. */
const maxPayload = blocksPerSegment - 8;

/** What a reader needs of a checkpoint: which nodes are where. */
export interface Checkpoint {
  /** One bit for each block of the table: whether the second copy of it is the current one; the highest bit first. */
  readonly natBitmap: Buffer;
  /** Entries that are newer than those of the table, by node number. */
  readonly natJournal: ReadonlyMap<number, NatEntry>;
}

/**
 * Reads the newer of the two packs that is whole.
 * @throws PortableError InvalidArgs, that of the first pack when neither is
 */
export async function readCheckpoint(volume: Volume): Promise<Checkpoint> {
  const { checkpointStart } = volume.superblock;
  const packs: Pack[] = [];
  let failure: PortableError | undefined;
  for (const start of [checkpointStart, checkpointStart + blocksPerSegment]) {
    const pack = await readPack(volume, start);
    if ('problem' in pack) failure ??= volume.corrupt(`the checkpoint at block ${start} ${pack.problem}`);
    else packs.push(pack);
  }
  const [first, second] = packs;
  if (first === undefined) throw failure ?? volume.corrupt('it has no checkpoint');
  // versions may wrap
  const isSecondNewer = second !== undefined && BigInt.asIntN(64, second.version - first.version) > 0n;
  return openPack(volume, isSecondNewer ? second : first);
}

interface Pack {
  /** Block. */
  readonly start: number;
  readonly version: bigint;
  /** The first block. */
  readonly head: Buffer;
}

/** A pack is whole when its first and last block are, and agree. */
async function readPack(volume: Volume, start: number): Promise<Pack | { readonly problem: string }> {
  const head = await volume.block(start);
  if (!isChecked(head)) return { problem: 'has a checksum that does not match' };
  const blocks = head.readUInt32LE(at.packBlocks);
  if (blocks < 2 || blocks > blocksPerSegment) return { problem: `has ${blocks} blocks` };
  const tail = await volume.block(start + blocks - 1);
  if (!isChecked(tail))
    return { problem: `has a last block, ${start + blocks - 1}, whose checksum does not match` };
  const version = head.readBigUInt64LE(at.version);
  if (tail.readBigUInt64LE(at.version) !== version) {
    return {
      problem: `is of version ${version}, and ends as one of version ${tail.readBigUInt64LE(at.version)}`,
    };
  }
  return { start, version, head };
}

/** The checksum is of all but itself, but of nothing behind it where it is at the end of the block. */
function isChecked(block: Buffer): boolean {
  const offset = block.readUInt32LE(at.checksumOffset);
  const last = block.length - checksumSize;
  if (offset < at.bitmaps || offset > last) return false;
  let crc = f2fsCrc(magicNumber, block.subarray(0, offset));
  if (offset < last) crc = f2fsCrc(crc, block.subarray(offset + checksumSize));
  return crc === block.readUInt32LE(offset);
}

async function openPack(volume: Volume, pack: Pack): Promise<Checkpoint> {
  const { start, head } = pack;
  const set = head.readUInt32LE(at.flags);
  const summaryStart = head.readUInt32LE(at.summaryStart);
  const { checkpointPayload } = volume.superblock;
  if (summaryStart <= checkpointPayload || summaryStart >= head.readUInt32LE(at.packBlocks)) {
    throw volume.corrupt(`the checkpoint at block ${start} has its summaries at its block ${summaryStart}`);
  }
  const summary = await volume.block(start + summaryStart);
  return {
    natBitmap: await natBitmap(volume, pack, (set & flags.largeNatBitmap) !== 0),
    natJournal: journalEntries(volume, summary, (set & flags.compactSummary) !== 0),
  };
}

/** Where the bitmap is depends on how much room all of them need; payload blocks continue the first. */
async function natBitmap(volume: Volume, { start, head }: Pack, isLarge: boolean): Promise<Buffer> {
  const { natBlocks, checkpointPayload } = volume.superblock;
  const size = head.readUInt32LE(at.natBitmapSize);
  if (size * 8 !== natBlocks) {
    throw volume.corrupt(
      `the checkpoint at block ${start} has ${size} bytes of bits for ${natBlocks} blocks of node addresses`,
    );
  }
  if (checkpointPayload > maxPayload) {
    throw volume.corrupt(`its checkpoints have a payload of ${checkpointPayload} blocks`);
  }
  const isFirst = isLarge || checkpointPayload > 0;
  const from =
    at.bitmaps + (isLarge ? checksumSize : 0) + (isFirst ? 0 : head.readUInt32LE(at.sitBitmapSize));
  const blocks = [head];
  for (let block = 1; block <= checkpointPayload && from + size > blocks.length * head.length; block++) {
    blocks.push(await volume.block(start + block));
  }
  const bytes = Buffer.concat(blocks);
  if (from + size > bytes.length) {
    throw volume.corrupt(`the bits of node addresses of the checkpoint at block ${start} go on behind it`);
  }
  return bytes.subarray(from, from + size);
}
