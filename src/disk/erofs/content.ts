/**
 * The content of an inode as one range of bytes, whatever its data layout. Each layout finds the run that a
 * byte is in; here the runs are put together.
 */
import { chunkRuns } from './chunks.ts';
import { compressedRuns } from './compressed.ts';
import { corrupt } from './errors.ts';
import { flatRuns } from './flat.ts';
import { dataLayout } from './format.ts';
import type { Inode } from './inode.ts';
import { zeroRun } from './run.ts';
import type { FindRun } from './run.ts';
import type { Purpose, Volume } from './volume.ts';

export interface Content {
  /** Bytes. */
  readonly size: bigint;
  /** Up to `length` bytes from `offset`; shorter only at the end. The buffer may be shared: do not write to it. */
  read(offset: bigint, length: number): Promise<Buffer>;
}

/** @throws PortableError when what describes the content is corrupt or unknown */
export async function openContent(volume: Volume, inode: Inode, purpose: Purpose): Promise<Content> {
  const find = await runsOf(volume, inode, purpose);
  return {
    size: inode.size,
    async read(offset, length) {
      if (offset < 0n || offset >= inode.size || length <= 0) return Buffer.alloc(0);
      const end = min(offset + BigInt(length), inode.size);
      const parts: Buffer[] = [];
      for (let at = offset; at < end;) {
        volume.budget.checkTime();
        const run = await find(at);
        const runEnd = min(run.end, end);
        if (runEnd <= at)
          throw corrupt(volume.source.name, `inode ${inode.node} has no data for offset ${at}`);
        parts.push(await run.read(at, Number(runEnd - at)));
        at = runEnd;
      }
      return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    },
  };
}

async function runsOf(volume: Volume, inode: Inode, purpose: Purpose): Promise<FindRun> {
  switch (inode.layout) {
    case dataLayout.flatPlain:
    case dataLayout.flatInline:
      return flatRuns(volume, inode, purpose);
    case dataLayout.chunkBased:
      return chunkRuns(volume, inode, purpose);
    case dataLayout.compressedFull:
    case dataLayout.compressedCompact:
      // nothing is stored of an empty file, not even the map
      if (inode.size === 0n) return noRuns;
      return await compressedRuns(volume, inode, purpose);
  }
}

const noRuns: FindRun = (offset) => zeroRun(offset);

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
