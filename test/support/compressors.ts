/** Blocks in the formats for which there is no plain command: taken out of what other commands write. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One LZ4 block. */
export function lz4Block(data: Buffer): Buffer {
  return squashfsBlock('lz4', data) ?? lz4Literals(data);
}

/** One LZO1X block. */
export function lzoBlock(data: Buffer): Buffer {
  return squashfsBlock('lzo', data) ?? lzoLiterals(data);
}

/** LZMA1 without a header, as erofs has it: the first byte, 0 in any stream, is the inverted properties byte instead. */
export function microlzmaBlock(data: Buffer): Buffer {
  const args = ['-c', '--format=raw', '--lzma1=lc=3,lp=0,pb=2'];
  const stream = execFileSync('xz', args, { input: data, maxBuffer: 64 * 1024 * 1024 });
  const properties = (2 * 5 + 0) * 9 + 3;
  return Buffer.concat([Buffer.of(~properties & 0xff), stream.subarray(1)]);
}

/**
 * Lets mksquashfs compress a file of one block, and cuts the block out of the image.
 * @param data at most 1 MiB
 * @returns undefined when it was stored uncompressed, being shorter that way
 */
function squashfsBlock(compressor: string, data: Buffer): Buffer | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'portabled-block-'));
  try {
    const [file, image] = [join(directory, 'file'), join(directory, 'image')];
    writeFileSync(file, data);
    const args = ['-comp', compressor, '-b', '1M', '-no-fragments', '-noI', '-no-sparse', '-no-xattrs'];
    execFileSync('mksquashfs', [file, image, ...args, '-quiet', '-no-progress']);
    const bytes = readFileSync(image);
    // the file's inode comes first in the table, which here is not compressed: 16 bytes of header, position of the
    // block, fragment, offset, size, then the block's stored size
    const inode = Number(bytes.readBigUInt64LE(64)) + 2;
    const position = bytes.readUInt32LE(inode + 16);
    const size = bytes.readUInt32LE(inode + 32);
    return (size & 0x0100_0000) === 0 ? bytes.subarray(position, position + size) : undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A block of nothing but literals: the length in a token, and in bytes of at most 255. */
function lz4Literals(data: Buffer): Buffer {
  if (data.length < 15) return Buffer.concat([Buffer.of(data.length << 4), data]);
  return Buffer.concat([Buffer.of(0xf0), counted(data.length - 15, 0xff, 0), data]);
}

/** As above: a first run of at most 238, or a longer one, which has at least 4; then the end marker. */
function lzoLiterals(data: Buffer): Buffer {
  const end = Buffer.of(0x11, 0, 0);
  if (data.length <= 238) return Buffer.concat([Buffer.of(17 + data.length), data, end]);
  return Buffer.concat([Buffer.of(0), counted(data.length - 3 - 15 - 1, 0, 1), data, end]);
}

/** A number as so many bytes `full`, each worth 255, and the rest, stored `more` higher. */
function counted(value: number, full: number, more: number): Buffer {
  const times = Math.floor(value / 255);
  return Buffer.concat([Buffer.alloc(times, full), Buffer.of((value % 255) + more)]);
}
