import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hashVersions, nameHash } from '../../../../src/disk/ext4/hash.ts';
import { crc16, crc32c } from '../../../../src/disk/crc.ts';
import { Random } from '../../../support/random.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const scratch = scratchDirectory('ext4-hash');

/** Names of every length with bytes from the whole range that debugfs can be given. */
function names(): Buffer[] {
  const random = new Random(3);
  const usable = Buffer.from(
    Array.from({ length: 256 }, (_, i) => i).filter(
      (i) => i >= 0x80 || /[A-Za-z0-9_.,:+-]/.test(String.fromCharCode(i)),
    ),
  );
  return Array.from({ length: 255 }, (_, i) =>
    Buffer.from(Array.from({ length: i + 1 }, () => random.pick([...usable]))),
  ).map((name) => (name[0] === 0x2d ? Buffer.concat([Buffer.from('n'), name.subarray(1)]) : name));
}

/** What debugfs(8) computes for each name. */
function debugfsHashes(version: number, seed: string, all: readonly Buffer[]): number[] {
  const script = join(scratch, 'script');
  const lines = all.flatMap((name) => [
    Buffer.from(`dx_hash -h ${version} -s ${seed} `),
    name,
    Buffer.from('\n'),
  ]);
  writeFileSync(script, Buffer.concat(lines));
  const output = execFileSync('debugfs', ['-f', script], {
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return [...output.matchAll(/ is 0x([0-9a-f]+) \(minor/g)].map((match) => parseInt(match[1]!, 16));
}

/** A UUID as the four words of a superblock. */
function words(uuid: string): number[] {
  const bytes = Buffer.from(uuid.replaceAll('-', ''), 'hex');
  return [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
}

describe('directory hashes', () => {
  for (const [version, how] of hashVersions) {
    for (const seed of ['00000000-0000-0000-0000-000000000000', '5a1ec0de-9999-4321-8765-0123456789ab']) {
      it(`version ${version} (${how.function}, ${how.sign ?? 'signed'}) with seed ${seed} equals debugfs`, () => {
        const all = names();
        const ours = all.map((name) => nameHash(name, how.function, how.sign ?? 'signed', words(seed)));
        assert.deepEqual(ours, debugfsHashes(version, seed, all));
      });
    }
  }

  it('never gives the hash that marks the end of a directory', () => {
    // found by search: their hash would be that mark, as debugfs shows, which does not step aside
    const marked = ['mgrc2N', 'oyle44', 'q7s0mH'].map((name) => Buffer.from(name));
    const ours = marked.map((name) => nameHash(name, 'legacy', 'signed', [0, 0, 0, 0]));
    assert.deepEqual(ours, [0xffff_fffc, 0xffff_fffc, 0xffff_fffc]);
    const stored = debugfsHashes(0, '00000000-0000-0000-0000-000000000000', marked);
    assert.deepEqual(stored, [0xffff_fffe, 0xffff_fffe, 0xffff_fffe]);
  });
});

describe('checksums', () => {
  const check = Buffer.from('123456789');

  it('CRC-32C has its check value (RFC 3720, inverted at the end there)', () => {
    assert.equal((crc32c(0xffff_ffff, check) ^ 0xffff_ffff) >>> 0, 0xe306_9283);
  });

  it('CRC-32C continues over parts of any length', () => {
    const bytes = new Random(5).bytes(97);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.equal(crc32c(crc32c(1, bytes, 0, cut), bytes, cut), crc32c(1, bytes));
    }
  });

  it('CRC-16 has the check values of CRC-16/ARC and CRC-16/MODBUS', () => {
    assert.equal(crc16(0, check), 0xbb3d);
    assert.equal(crc16(0xffff, check), 0x4b37);
  });
});
