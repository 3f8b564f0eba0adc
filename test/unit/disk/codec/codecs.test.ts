/** Every decompressor against the compressor of its format, whole and in part, and against hostile input. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { PortableError } from '../../../../src/base/errors.ts';
import { decompress, openBlock } from '../../../../src/disk/codec/index.ts';
import type { CodecName } from '../../../../src/disk/codec/index.ts';
import { portableZstd } from '../../../../src/disk/codec/zstd/index.ts';
import { Random } from '../../../support/random.ts';
import { lz4Block, lzoBlock, microlzmaBlock } from '../../../support/compressors.ts';

const place = { file: 'test.raw', offset: 42n };

const run = (command: string, args: readonly string[], input: Buffer): Buffer =>
  execFileSync(command, args, { input, maxBuffer: 64 * 1024 * 1024, stdio: ['pipe', 'pipe', 'pipe'] });

/** How each format is made. */
const compressors: Readonly<Record<CodecName, (data: Buffer) => Buffer>> = {
  zlib: (data) => deflateSync(data, { level: 9 }),
  deflate: (data) => deflateRawSync(data, { level: 9 }),
  xz: (data) => run('xz', ['-c', '--check=crc32'], data),
  lzma: (data) => run('xz', ['-c', '--format=lzma'], data),
  microlzma: microlzmaBlock,
  zstd: (data) => run('zstd', ['-q', '-c', '-15'], data),
  lz4: lz4Block,
  lzo: lzoBlock,
};

/** Turns of the event loop while a MiB is decoded; LZ4 and LZO take a few milliseconds in all, and go through. */
const leastTurns: Partial<Record<CodecName, number>> = {
  zlib: 1,
  deflate: 1,
  xz: 12,
  lzma: 12,
  microlzma: 12,
  zstd: 1,
};

const names = Object.keys(compressors) as CodecName[];

/** Content of different kinds and sizes. None is empty: no block of a file system is. */
function samples(): Map<string, Buffer> {
  const random = new Random(3);
  const code = run('cat', ['/bin/bash'], Buffer.alloc(0));
  const found = new Map<string, Buffer>();
  for (const size of [1, 2, 3, 4, 17, 255, 256, 4096, 8192, 65535, 65536, 131072, 1048576]) {
    found.set(`text of ${size}`, random.text(size));
    found.set(`noise of ${size}`, random.bytes(size));
    found.set(`zeros of ${size}`, Buffer.alloc(size));
  }
  found.set('machine code', code.subarray(0, 1048576));
  found.set('short period', Buffer.alloc(100_000, 'abcde'));
  // matches of every distance: each piece repeats one from somewhere before
  const mixed: Buffer[] = [random.bytes(300)];
  for (let i = 0; i < 3000; i++) {
    const all = mixed[random.below(mixed.length)]!;
    mixed.push(
      random.below(3) === 0 ? random.bytes(1 + random.below(40)) : all.subarray(0, 1 + random.below(300)),
    );
  }
  found.set('mixed', Buffer.concat(mixed).subarray(0, 1048576));
  return found;
}

const content = samples();

for (const name of names) {
  describe(`decompressing ${name}`, () => {
    const blocks = new Map([...content].map(([label, data]) => [label, compressors[name](data)]));
    const block = (label: string) => ({ data: content.get(label)!, compressed: blocks.get(label)! });

    for (const label of content.keys()) {
      it(`gives back ${label}`, async () => {
        const { data, compressed } = block(label);
        const size = { maxOutput: data.length };
        assert.ok((await decompress(name, compressed, size, place)).equals(data));
      });
    }

    it('gives any prefix that is wanted, whatever the block holds beyond', async () => {
      const { data, compressed } = block('mixed');
      for (const wanted of [
        1,
        2,
        3,
        100,
        4095,
        4096,
        70_000,
        131_072,
        131_073,
        data.length - 1,
        data.length,
      ]) {
        const prefix = await decompress(name, compressed, { maxOutput: data.length, wanted }, place);
        assert.ok(prefix.equals(data.subarray(0, wanted)), `${wanted} bytes`);
      }
    });

    it('stops in time: what comes after is not looked at', async () => {
      const { data, compressed } = block('text of 1048576');
      // nothing decodes far from a tenth of the input; the rest is garbage
      const broken = Buffer.concat([
        compressed.subarray(0, Math.floor(compressed.length / 2)),
        Buffer.alloc(9, 0xa5),
      ]);
      const size = { maxOutput: data.length, wanted: 1000 };
      assert.ok((await decompress(name, broken, size, place)).equals(data.subarray(0, 1000)));
    });

    it('goes on where it stopped', async () => {
      const { data, compressed } = block('mixed');
      const opened = await openBlock(name, compressed, data.length, place);
      for (const length of [10, 5, 5000, data.length - 7000, data.length, 100]) {
        const bytes = await opened.upTo(length);
        assert.ok(bytes.length >= length && bytes.equals(data.subarray(0, bytes.length)), `${length} bytes`);
      }
      assert.ok(opened.complete);
    });

    it('queues calls that come at the same time', async () => {
      const { data, compressed } = block('text of 1048576');
      const opened = await openBlock(name, compressed, data.length, place);
      const lengths = [700_000, 10, 300_000, data.length];
      const all = await Promise.all(lengths.map((length) => opened.upTo(length)));
      all.forEach((bytes, i) =>
        assert.ok(bytes.equals(data.subarray(0, bytes.length)) && bytes.length >= lengths[i]!),
      );
    });

    it('has nothing more to say after a failure', async () => {
      const { data, compressed } = block('text of 8192');
      // raw deflate may take garbage for an end; LZ4 has no end
      const garbage = Buffer.alloc(name === 'deflate' ? 0 : 500, 0xff);
      const damaged = Buffer.concat([compressed.subarray(0, compressed.length >> 1), garbage]);
      const opened = await openBlock(name, damaged, data.length, place);
      await assert.rejects(opened.upTo(data.length), { code: 'InvalidArgs' });
      await assert.rejects(opened.upTo(1), { code: 'InvalidArgs' });
    });

    const turns = leastTurns[name];
    if (turns !== undefined) {
      it('lets the event loop have its turns', async () => {
        const { data, compressed } = block('machine code');
        let seen = 0;
        let running = true;
        const count = () => {
          seen++;
          if (running) setImmediate(count);
        };
        setImmediate(count);
        await decompress(name, compressed, { maxOutput: data.length }, place);
        running = false;
        assert.ok(seen >= turns, `${seen} turns in ${data.length} bytes`);
      });
    }

    it('refuses every truncation, naming file and offset', async () => {
      const { data, compressed } = block('text of 8192');
      // whether the last few bytes are missing (checks, end marks) shows in no format without sizes
      const slack = 24;
      for (let length = 0; length < compressed.length - slack; length += 7) {
        const cut = compressed.subarray(0, length);
        // LZ4 has nothing that marks the end: cut between two sequences, it is a shorter block
        if (name === 'lz4' && (await isShorterBlock(cut, data))) continue;
        await assert.rejects(
          decompress(name, cut, { maxOutput: data.length }, place),
          (error) =>
            error instanceof PortableError &&
            error.code === 'InvalidArgs' &&
            /test\.raw.* 42 /.test(error.message),
          `${length} of ${compressed.length} bytes`,
        );
      }
    });

    it('survives every kind of damage', async () => {
      const random = new Random(11);
      for (const label of ['text of 8192', 'zeros of 8192', 'noise of 4096', 'text of 255']) {
        const { data, compressed } = block(label);
        for (let i = 0; i < 300; i++) {
          const damaged = Buffer.from(compressed);
          for (let n = random.below(4); n >= 0; n--)
            damaged[random.below(damaged.length)] = random.below(256);
          const wanted = random.below(2) === 0 ? undefined : random.below(data.length);
          try {
            const bytes = await decompress(name, damaged, { maxOutput: data.length, wanted }, place);
            assert.ok(bytes.length <= (wanted ?? data.length));
          } catch (error) {
            assert.ok(error instanceof PortableError, String(error instanceof Error ? error.stack : error));
          }
        }
      }
    });

    it('never takes noise for a reason to crash', async () => {
      const random = new Random(12);
      for (let i = 0; i < 500; i++) {
        const noise = random.bytes(random.below(200));
        try {
          assert.ok((await decompress(name, noise, { maxOutput: 4096 }, place)).length <= 4096);
        } catch (error) {
          assert.ok(error instanceof PortableError, String(error instanceof Error ? error.stack : error));
        }
      }
    });

    if (name !== 'microlzma') {
      it('refuses a block that expands to more than allowed', async () => {
        const { compressed } = block('zeros of 1048576');
        await assert.rejects(decompress(name, compressed, { maxOutput: 8192 }, place), {
          code: 'InvalidArgs',
          message: /expands to (more than 8192|1048576) bytes/,
        });
      });
    }
  });
}

async function isShorterBlock(block: Buffer, data: Buffer): Promise<boolean> {
  try {
    const bytes = await decompress('lz4', block, { maxOutput: data.length }, place);
    return bytes.length < data.length && bytes.equals(data.subarray(0, bytes.length));
  } catch {
    return false;
  }
}

describe('the xz decoder', () => {
  const noise = new Random(5).bytes(60_000);
  // bytes that the filters look for, often and in a row
  const opcodes = noise.map((byte, i) =>
    byte < 100
      ? [0xe8, 0xe9, 0, 0xff, 0x48, 0x94, 0x90, 0xeb, 0xf0, 0xf8, 0x40, 0x7f, 0x10, 0x16][i % 14]!
      : byte,
  );
  for (const filter of ['x86', 'powerpc', 'ia64', 'arm', 'armthumb', 'sparc', 'arm64']) {
    it(`undoes the branch filter ${filter}`, async () => {
      for (const start of [0, 16, 0x7fff0000]) {
        for (const data of [content.get('machine code')!.subarray(200_000, 400_000), Buffer.from(opcodes)]) {
          const args = ['-c', `--${filter}=start=${start}`, '--lzma2=preset=1', '--check=crc32'];
          const compressed = run('xz', args, data);
          const whole = await decompress('xz', compressed, { maxOutput: data.length }, place);
          assert.ok(whole.equals(data), `start ${start}`);
          const part = await decompress('xz', compressed, { maxOutput: data.length, wanted: 33_333 }, place);
          assert.ok(part.equals(data.subarray(0, 33_333)), `start ${start}, in part`);
        }
      }
    });
  }

  it('knows all literal and position settings of LZMA', async () => {
    const data = content.get('machine code')!.subarray(0, 50_000);
    for (const [lc, lp, pb] of [
      [0, 0, 0],
      [4, 0, 0],
      [0, 4, 4],
      [1, 3, 2],
      [2, 2, 4],
    ]) {
      const args = ['-c', `--lzma2=lc=${lc},lp=${lp},pb=${pb}`, '--check=crc32'];
      const whole = await decompress('xz', run('xz', args, data), { maxOutput: data.length }, place);
      assert.ok(whole.equals(data), `lc ${lc}, lp ${lp}, pb ${pb}`);
    }
  });

  const refuses = (args: readonly string[], message: RegExp) => async () => {
    const compressed = run('xz', ['-c', ...args], Buffer.from('content'));
    await assert.rejects(decompress('xz', compressed, { maxOutput: 100 }, place), {
      code: 'InvalidArgs',
      message,
    });
  };
  it('refuses a check that squashfs does not have', refuses(['--check=sha256'], /check/));
  it(
    'refuses a filter that squashfs does not have',
    refuses(['--check=crc32', '--delta', '--lzma2'], /filters 0x3, 0x21/),
  );
  it(
    'refuses two filters',
    refuses(['--check=crc32', '--x86', '--arm', '--lzma2'], /filters 0x4, 0x7, 0x21/),
  );

  it('checks the CRC of the content', async () => {
    const data = content.get('noise of 4096')!;
    const compressed = run('xz', ['-c', '--check=crc32'], data);
    // noise is stored as it is, so this only changes the content
    compressed[2000]! ^= 1;
    await assert.rejects(decompress('xz', compressed, { maxOutput: 4096 }, place), /CRC of its content/);
  });
});

describe('the zstd decoder of our own', () => {
  const labels = ['text of 17', 'text of 8192', 'noise of 4096', 'zeros of 131072', 'mixed', 'machine code'];
  for (const level of [
    '--fast=5',
    '-1',
    '-3',
    '-7',
    '-12',
    '-19',
    '--ultra -22',
    '-19 --no-check --long=27',
  ]) {
    it(`decodes what zstd ${level} makes`, async () => {
      for (const label of labels) {
        const data = content.get(label)!.subarray(0, 300_000);
        const compressed = run(
          'zstd',
          ['-q', '-c', `--stream-size=${data.length}`, ...level.split(' ')],
          data,
        );
        const bytes = await portableZstd.decompress(compressed, { maxOutput: data.length });
        assert.ok(bytes.equals(data), label);
      }
    });
  }

  it('decodes several frames, and skips those of other data', async () => {
    const frame = run('zstd', ['-q', '-c'], Buffer.from('one '));
    const skipped = Buffer.concat([Buffer.from('5e2a4d18', 'hex'), Buffer.from([3, 0, 0, 0, 9, 9, 9])]);
    const bytes = await portableZstd.decompress(Buffer.concat([frame, skipped, frame]), { maxOutput: 100 });
    assert.equal(bytes.toString(), 'one one ');
  });

  it('survives every kind of damage', async () => {
    const random = new Random(13);
    const compressed = run('zstd', ['-q', '-c', '-19'], content.get('mixed')!.subarray(0, 20_000));
    for (let i = 0; i < 2000; i++) {
      const damaged = Buffer.from(compressed);
      for (let n = random.below(4); n >= 0; n--) damaged[random.below(damaged.length)] = random.below(256);
      try {
        assert.ok((await portableZstd.decompress(damaged, { maxOutput: 20_000 })).length <= 20_000);
      } catch (error) {
        assert.equal(error instanceof Error ? error.name : error, 'CorruptBlock');
      }
    }
  });
});
