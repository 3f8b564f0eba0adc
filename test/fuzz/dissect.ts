/** Fuzz target: probing, partition tables, the choice of partitions, and trees made of several. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { openSource } from '../../src/disk/open.ts';
import type { BlockSource } from '../../src/disk/source.ts';
import { type GptEntry, bootRecord, repairHeader, types, writeGpt } from '../support/partition-tables.ts';
import { makeSquashfs, uncompressed } from '../support/squashfs-images.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

/** Where partitions start, bytes; a multiple of both sector sizes. */
const firstPartition = 8 * 4096;

export const dissectTarget: FuzzTarget = {
  name: 'dissect',
  images,
  async open(source, budget) {
    const image = await openSource(await repaired(source), budget, { architecture: 'x86-64' });
    return { ...image.tree, close: () => image.close() };
  },
};

async function images(): Promise<readonly BaseImage[]> {
  const content = await tinySquashfs();
  const gpt = (
    name: string,
    sectorSize: number,
    types: readonly Omit<GptEntry, 'first' | 'last'>[],
  ): BaseImage => {
    const each = Math.ceil(content.length / sectorSize);
    const first = firstPartition / sectorSize;
    const entries = types.map((entry, i) => ({
      ...entry,
      first: first + i * each,
      last: first + (i + 1) * each - 1,
    }));
    const { bytes, sectors } = writeGpt(entries, { sectorSize, sectors: first + types.length * each + 34 });
    for (const entry of entries) bytes.set(content, entry.first * sectorSize);
    const end = sectors * sectorSize;
    return {
      name,
      bytes,
      hot: [
        [446, 512],
        [sectorSize, sectorSize + 92],
        [2 * sectorSize, 2 * sectorSize + 1024],
        [end - sectorSize, end],
      ],
    };
  };
  const sectors = Math.ceil(content.length / 512);
  const mbr = Buffer.alloc((sectors + 200) * 512);
  mbr.set(
    bootRecord([
      { type: 0x83, active: true, start: 100, sectors },
      { type: 0x05, start: 10, sectors: 50 },
    ]),
  );
  mbr.set(content, 100 * 512);
  const { root, usr, home, generic, x86Root } = types;
  return [
    gpt('root', 512, [{ type: root, label: 'a_1' }]),
    gpt('root with sectors of 4096 bytes', 4096, [{ type: root }]),
    gpt('usr', 512, [{ type: usr }]),
    gpt('root, usr and home', 512, [{ type: home }, { type: usr }, { type: root }]),
    gpt('versions', 512, [
      { type: root, label: 'a_1' },
      { type: root, label: 'a_2' },
      { type: x86Root, label: '_empty' },
    ]),
    gpt('generic', 512, [{ type: generic }, { type: generic, attributes: 1n << 63n }]),
    {
      name: 'mbr',
      bytes: mbr,
      hot: [[440, 512]],
    },
    {
      name: 'naked',
      bytes: content,
      hot: [
        [0, 96],
        [1024, 1152],
      ],
    },
  ];
}

/** One file, nothing compressed: the reader of the file system is fuzzed elsewhere. */
export async function tinySquashfs(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'portabled-fuzz-'));
  try {
    await mkdir(join(directory, 'tree/lib'), { recursive: true });
    await writeFile(join(directory, 'tree/lib/os-release'), 'ID=tiny\n');
    await makeSquashfs(join(directory, 'tree'), join(directory, 'image'), [
      '-all-time',
      '0',
      ...uncompressed,
    ]);
    return await readFile(join(directory, 'image'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The source with the checksums of its GPT headers made to fit, in half of all cases: mutations get further. */
async function repaired(source: BlockSource): Promise<BlockSource> {
  const bytes = await source.read(0n, Number(source.size));
  if ((crc32(bytes) & 1) === 0) return source;
  for (const sectorSize of [512, 4096]) {
    const backup = (Math.floor(bytes.length / sectorSize) - 1) * sectorSize;
    for (const offset of [sectorSize, backup]) repairGpt(bytes, offset, sectorSize);
  }
  return {
    ...source,
    get bytesRead() {
      return source.bytesRead;
    },
    async read(offset, length) {
      // for its checks; both have the same size
      await source.read(offset, length);
      return Buffer.from(bytes.subarray(Number(offset), Number(offset) + length));
    },
  };
}

function repairGpt(bytes: Buffer, offset: number, sectorSize: number): void {
  if (offset < 0 || offset + 92 > bytes.length || bytes.toString('latin1', offset, offset + 8) !== 'EFI PART')
    return;
  const array = Number(bytes.readBigUInt64LE(offset + 72)) * sectorSize;
  const length = bytes.readUInt32LE(offset + 80) * bytes.readUInt32LE(offset + 84);
  if (array + length <= bytes.length) {
    bytes.writeUInt32LE(crc32(bytes.subarray(array, array + length)), offset + 88);
  }
  repairHeader(bytes, offset);
}
