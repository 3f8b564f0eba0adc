/**
 * Base images for the f2fs reader. The smallest are of tens of MiB, of which next to nothing is in use: a case has the blocks
 * that are, one after the other, and they are put in their places again when it is opened.
 */
import { execFileSync } from 'node:child_process';
import { openF2fs } from '../../src/disk/f2fs/index.ts';
import { type BlockSource, memorySource, outOfRange } from '../../src/disk/source.ts';
import { lz4Block } from '../support/compressors.ts';
import {
  type F2fsSample,
  makeF2fsSample,
  sampleText,
  writeCluster,
  writeKind,
  writeXattrs,
  xattrEntries,
} from '../support/f2fs-sample.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

const blockSize = 4096;
const empty = Buffer.alloc(blockSize);

const bases: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  'extra attributes, compression': ['-O', 'extra_attr,compression'],
  'flexible attributes, checksums': ['-O', 'extra_attr,inode_checksum,flexible_inline_xattr,sb_checksum'],
  'large bitmap': ['-i'],
};

export const f2fsTarget: FuzzTarget = {
  name: 'f2fs',
  async images() {
    const images: BaseImage[] = [];
    for (const [name, options] of Object.entries(bases)) {
      const sample = makeF2fsSample(options, 60);
      if (name === 'plain' || name === 'large bitmap') await enrich(sample);
      if (name.includes('compression')) await compress(sample);
      images.push(folded(name, sample.bytes));
    }
    return images;
  },
  open: (source, budget) => openF2fs(unfolded(source), budget),
};

async function enrich(sample: F2fsSample): Promise<void> {
  const value = Buffer.alloc(100, 'v');
  const list = xattrEntries([1, 'note', value], [4, 'hidden', value], [6, 'selinux', value]);
  await writeXattrs(sample, 'one', list, 'two');
  await writeKind(sample, 'three', 0o20600, [0, 0x0011_0370]);
}

async function compress(sample: F2fsSample): Promise<void> {
  const cluster = sampleText.subarray(0, 4 * blockSize);
  await writeCluster(sample, 'text', 1, lz4Block(cluster));
  const zeros = execFileSync('zstd', ['-c', '-q'], { input: Buffer.alloc(4 * blockSize) });
  await writeCluster(sample, 'sparse', 2, zeros).catch(() => undefined);
}

/**
 * An index, then the blocks that are not all zeros: how many blocks there are, how many follow, and for each where it
 * belongs.
 */
function folded(name: string, bytes: Buffer): BaseImage {
  const used: number[] = [];
  for (let block = 0; block * blockSize < bytes.length; block++) {
    if (!at(bytes, block).equals(empty)) used.push(block);
  }
  const index = Buffer.alloc(indexSize(used.length));
  for (const [position, word] of [bytes.length / blockSize, used.length, ...used].entries()) {
    index.writeUInt32LE(word, position * 4);
  }
  const blocks = used.map((block) => at(bytes, block));
  const contents = used.map((_, position) => index.length + position * blockSize);
  // the fields of nodes are at their start, and addresses at their end
  const hot = contents.flatMap((start) => [
    [start, start + 420] as const,
    [start + blockSize - 300, start + blockSize] as const,
  ]);
  return { name, bytes: Buffer.concat([index, ...blocks]), hot };
}

function at(bytes: Buffer, block: number): Buffer {
  return bytes.subarray(block * blockSize, (block + 1) * blockSize);
}

function indexSize(used: number): number {
  return Math.ceil(((2 + used) * 4) / blockSize) * blockSize;
}

/** The image as it was. A mutation of the index moves blocks, or takes them away. */
function unfolded(source: BlockSource): BlockSource {
  let index: Promise<ReadonlyMap<number, number>> | undefined;
  const name = 'fuzz';
  const size = 64n << 20n;
  const open = memorySource(Buffer.alloc(0));
  return {
    ...open,
    name,
    size,
    async read(offset, length) {
      if (offset < 0n || offset + BigInt(length) > size)
        throw outOfRange({ name, size }, offset, BigInt(length));
      index ??= readIndex(source);
      const places = await index;
      const bytes = Buffer.alloc(length);
      for (let done = 0; done < length;) {
        const position = Number(offset) + done;
        const within = position % blockSize;
        const count = Math.min(blockSize - within, length - done);
        const place = places.get(Math.floor(position / blockSize));
        if (place !== undefined) (await source.read(BigInt(place + within), count)).copy(bytes, done);
        done += count;
      }
      return bytes;
    },
  };
}

async function readIndex(source: BlockSource): Promise<ReadonlyMap<number, number>> {
  const used = Math.min((await source.read(4n, 4)).readUInt32LE(0), 4000);
  const words = await source.read(8n, used * 4);
  return new Map(
    Array.from({ length: used }, (_, position) => [
      words.readUInt32LE(position * 4),
      indexSize(used) + position * blockSize,
    ]),
  );
}
