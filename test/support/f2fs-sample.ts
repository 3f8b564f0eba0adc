/**
 * An f2fs with what sload.f2fs does not write: attributes, special files, hard links, compressed files, written over
 * ordinary files of an image that it made.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { openF2fs } from '../../src/disk/f2fs/index.ts';
import { memorySource } from '../../src/disk/source.ts';
import { makeF2fs, nodeOffset } from './f2fs-image.ts';
import { Random } from './random.ts';

const blockSize = 4096;
const childrenAt = blockSize - 24 - 20;

/** Content of the file "text", which needs eight blocks and compresses well. */
export const sampleText = new Random(5).text(30_000);

/** Entries of the directory "many", which is not inline. */
export const manyEntries = 400;

/** Extra attributes of an inode with compression, bytes. */
const extraSize = 36;

export interface F2fsSample {
  readonly bytes: Buffer;
  /** Where the inode of a path is. */
  inode(path: string): Promise<{ readonly number: number; readonly at: number }>;
}

/**
 * @param options of mkfs.f2fs(8)
 * @param many entries of the directory "many"
 */
export function makeF2fsSample(options: readonly string[], many = manyEntries): F2fsSample {
  const directory = mkdtempSync(join(tmpdir(), 'portabled-f2fs-sample-'));
  try {
    const tree = join(directory, 'tree');
    mkdirSync(join(tree, 'usr/lib'), { recursive: true });
    mkdirSync(join(tree, 'many'));
    const write = (name: string, content: string | Buffer): void => writeFileSync(join(tree, name), content);
    write('usr/lib/os-release', 'ID=test\n');
    for (const name of ['one', 'two', 'three', 'four']) write(name, `file ${name}`);
    write('text', sampleText);
    write('sparse', Buffer.concat([Buffer.alloc(40_000), Buffer.from('end')]));
    symlinkSync('usr/lib/os-release', join(tree, 'link'));
    symlinkSync('/x'.repeat(2000), join(tree, 'long link'));
    for (let i = 0; i < many; i++) write(`many/${'n'.repeat(i % 50)} ${i}`, '');
    const image = join(directory, 'image');
    makeF2fs(image, { mebibytes: 64, options, from: tree });
    return sampleOf(readFileSync(image));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A copy of a sample, to be changed. */
export function sampleOf(original: Buffer): F2fsSample {
  const bytes = Buffer.from(original);
  return {
    bytes,
    async inode(path) {
      const tree = await openF2fs(
        memorySource(original),
        new Budget('sample', { ...defaultLimits, wallTimeMs: 1e6 }),
      );
      let node = await tree.root();
      for (const name of path.split('/')) {
        const next = await node.lookup(Buffer.from(name));
        if (next === undefined) throw new Error(`${path} is not there`);
        node = next;
      }
      const number = Number(node.stat.inode);
      return { number, at: nodeOffset(bytes, number) };
    },
  };
}

/** e_name_index, name and value. */
export type Xattr = readonly [index: number, name: string, value: Buffer];

/** Entries as they follow each other, without the header of the list. */
export function xattrEntries(...xattrs: readonly Xattr[]): Buffer {
  return Buffer.concat(
    xattrs.map(([index, name, value]) => {
      const head = Buffer.from([index, Buffer.byteLength(name), 0, 0]);
      head.writeUInt16LE(value.length, 2);
      const entry = Buffer.concat([head, Buffer.from(name), value]);
      return Buffer.concat([entry, Buffer.alloc((4 - (entry.length % 4)) % 4)]);
    }),
  );
}

/**
 * Gives an inode attributes: a list that starts in it, and goes on in the node of the file `rest`, which is lost for it.
 * @param words of 32 bits that the inode has for them
 */
export async function writeXattrs(
  sample: F2fsSample,
  path: string,
  entries: Buffer,
  rest?: string,
  words = 50,
): Promise<void> {
  const { bytes } = sample;
  const { number, at } = await sample.inode(path);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xf2f5_2011, 0);
  header.writeUInt32LE(1, 4);
  const list = Buffer.concat([header, entries]);
  bytes[at + 3]! |= 0x01;
  list.copy(bytes, at + childrenAt - words * 4, 0, words * 4);
  if (rest === undefined) return;
  const node = await sample.inode(rest);
  bytes.writeUInt32LE(node.number, at + 76);
  bytes.fill(0, node.at, node.at + blockSize - 24);
  list.copy(bytes, node.at, words * 4);
  bytes.writeUInt32LE(number, node.at + blockSize - 24 + 4);
}

/** Makes a file something else. @param device the two words for a device */
export async function writeKind(
  sample: F2fsSample,
  path: string,
  mode: number,
  device: readonly [number, number] = [0, 0],
): Promise<void> {
  const { at } = await sample.inode(path);
  const area = at + 360 + ((sample.bytes[at + 3]! & 0x20) === 0 ? 0 : sample.bytes.readUInt16LE(at + 360));
  sample.bytes.writeUInt16LE(mode, at);
  sample.bytes[at + 3]! &= ~0x02;
  for (const [index, word] of device.entries()) sample.bytes.writeUInt32LE(word, area + index * 4);
}

/**
 * Compresses the first cluster (of four blocks) of a file that has no blocks but in its inode; the image has the features
 * extra_attr and compression.
 * @param data the compressed bytes of it, at most three blocks of them
 */
export async function writeCluster(
  sample: F2fsSample,
  path: string,
  algorithm: number,
  data: Buffer,
  checksum?: number,
): Promise<void> {
  const { bytes } = sample;
  const { at } = await sample.inode(path);
  bytes.writeUInt32LE(bytes.readUInt32LE(at + 80) | 0x4, at + 80);
  bytes.writeUInt8(algorithm, at + 392);
  bytes.writeUInt8(2, at + 393);
  bytes.writeUInt16LE(checksum === undefined ? 0 : 1, at + 394);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(data.length, 0);
  header.writeUInt32LE(checksum ?? 0, 4);
  const stored = Buffer.concat([header, data]);
  const area = at + 360 + extraSize;
  const addresses = [0, 1, 2, 3].map((index) => bytes.readUInt32LE(area + index * 4));
  const used = Math.ceil(stored.length / blockSize);
  if (used > 3) throw new Error(`${data.length} bytes are too many`);
  bytes.writeUInt32LE(0xffff_fffe, area);
  for (let index = 0; index < 3; index++) {
    const address = addresses[index] ?? 0;
    bytes.writeUInt32LE(index < used ? address : 0, area + (index + 1) * 4);
    if (index < used) stored.copy(bytes, address * blockSize, index * blockSize, (index + 1) * blockSize);
  }
}
