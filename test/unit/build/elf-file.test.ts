import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { inlineContent } from '../../../src/build/content.ts';
import { readElf } from '../../../src/build/elf/elf-file.ts';
import { failsWith } from '../../support/fails-with.ts';

const [needed, strings, stringsSize] = [1n, 5n, 10n];

/** A little-endian 64-bit library: one segment with all of it, addresses as offsets (elf(5)). */
function library(names: readonly number[], texts: Buffer): Buffer {
  const [dynamicAt, dynamicBytes] = [64 + 2 * 56, (names.length + 3) * 16];
  const textsAt = dynamicAt + dynamicBytes;
  const bytes = Buffer.concat([Buffer.alloc(textsAt), texts]);
  bytes.write('\x7fELF\x02\x01\x01', 'latin1');
  bytes.writeUInt16LE(62, 18);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(2, 56);
  for (const [i, [type, at, size]] of [
    [1, 0, bytes.length] as const,
    [2, dynamicAt, dynamicBytes] as const,
  ].entries()) {
    const header = 64 + i * 56;
    bytes.writeUInt32LE(type, header);
    for (const field of [8, 16]) bytes.writeBigUInt64LE(BigInt(at), header + field);
    bytes.writeBigUInt64LE(BigInt(size), header + 32);
  }
  const entries = [
    [strings, BigInt(textsAt)],
    [stringsSize, BigInt(texts.length)],
    ...names.map((at) => [needed, BigInt(at)]),
  ];
  for (const [i, [tag = 0n, value = 0n]] of entries.entries()) {
    bytes.writeBigUInt64LE(tag, dynamicAt + i * 16);
    bytes.writeBigUInt64LE(value, dynamicAt + i * 16 + 8);
  }
  return bytes;
}

const read = (bytes: Buffer): ReturnType<typeof readElf> => readElf(inlineContent(bytes), 'lib.so');

describe('an ELF file', () => {
  it('names the libraries that it needs', async () => {
    const elf = await read(library([1, 8], Buffer.from('\0liba.1\0libb.2\0', 'latin1')));
    assert.deepEqual([elf.needed, elf.interpreter, elf.machine], [['liba.1', 'libb.2'], undefined, 62]);
  });

  it('cannot make its reader remember more than a real one would', async () => {
    const name = Buffer.alloc(60_000, 'a');
    const everywhere = Array.from({ length: 1000 }, (_, i) => i);
    await failsWith(read(library(everywhere, name)), 'InvalidArgs', /broken ELF file: endless names/);
    const often = new Array<number>(60_000).fill(0);
    await failsWith(read(library(often, Buffer.alloc(8))), 'InvalidArgs', /broken ELF file: too many names/);
  });
});
