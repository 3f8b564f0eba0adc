/** Hostile images: a clear answer within a second and 32 MiB, whether they are directories or squashfs. */
import assert from 'node:assert/strict';
import {
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'node:test';
import type { Measured } from '../support/measure-inspection.ts';
import { imageContent, unit, writeTree } from '../support/portable-root.ts';
import type { Content } from '../support/portable-root.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';

const units = '/usr/lib/systemd/system';
const scratch = scratchDirectory('hostile');
const maxMs = 1000;
/** On a machine with much else to do. */
const maxWallMs = 10_000;
const maxGrowth = 32 * 1024 * 1024;

interface Hostile {
  readonly content: Content;
  /** What cannot be written down as content. */
  readonly also?: (tree: string) => void;
  /** Units that must be found; otherwise the error's code, and what its message says. */
  readonly found?: readonly string[];
  readonly refused?: readonly [code: string, message: RegExp];
  /** The code for disk images, where it is another. */
  readonly rawCode?: string;
}

const secret = path.join(scratch, 'secret.service');

const cases: Readonly<Record<string, Hostile>> = {
  'unit that is a link out of the image': {
    content: { [`${units}/a.service`]: { link: secret }, [`${units}/b.service`]: unit },
    found: ['b.service'],
  },
  'unit that is a relative link out of the image': {
    content: {
      [`${units}/a.service`]: { link: `../../../../../../../../..${secret}` },
      [`${units}/b.service`]: unit,
    },
    found: ['b.service'],
  },
  'unit directory that is a link to the host': {
    content: { '/usr/lib/systemd/system': { link: scratch }, '/etc/systemd/system/b.service': unit },
    found: ['b.service'],
  },
  'os-release that is a link out of the image': {
    content: { '/usr/lib/os-release': { link: '/etc/hostname' }, [`${units}/a.service`]: unit },
    refused: ['InvalidArgs', /os-release/],
    rawCode: 'NoMedium',
  },
  'unit links that loop': {
    content: {
      [`${units}/a.service`]: { link: 'b.service' },
      [`${units}/b.service`]: { link: 'a.service' },
      [`${units}/c.service`]: unit,
    },
    found: ['c.service'],
  },
  'directories that loop': {
    content: { '/usr/lib/systemd/system': { link: '/usr/lib/x' }, '/usr/lib/x': { link: 'systemd/system' } },
    refused: ['Loop', /system/],
  },
  'unit of 5 MB': {
    content: { [`${units}/a.service`]: '#'.repeat(5_000_000) },
    refused: ['LimitsExceeded', /a\.service/],
  },
  'sparse unit of a gigabyte': {
    content: { [`${units}/a.service`]: '' },
    also: (tree) => {
      truncateSync(path.join(tree, units, 'a.service'), 2 ** 30);
    },
    refused: ['LimitsExceeded', /a\.service/],
  },
  'unit that is a FIFO': {
    content: { [`${units}/b.service`]: unit },
    also: (tree) => runSync('mkfifo', [path.join(tree, units, 'a.service')]),
    found: ['b.service'],
  },
  'unit that is a directory': {
    content: { [`${units}/a.service/x`]: unit, [`${units}/b.service`]: unit },
    found: ['b.service'],
  },
  'empty unit': {
    content: { [`${units}/a.service`]: '', [`${units}/b.service`]: unit },
    found: ['b.service'],
  },
  'os-release of 1 MB': {
    content: { '/usr/lib/os-release': 'A'.repeat(1_000_000), [`${units}/a.service`]: unit },
    refused: ['LimitsExceeded', /os-release/],
  },
  'os-release that is a directory': {
    content: { '/usr/lib/os-release': null, [`${units}/a.service`]: unit },
    refused: ['InvalidArgs', /os-release/],
  },
  '100,000 files': {
    content: { [`${units}/a.service`]: unit },
    also: (tree) => {
      for (let i = 0; i < 100_000; i++) closeSync(openSync(path.join(tree, units, `x${i}`), 'w'));
    },
    found: ['a.service'],
  },
  '10,001 units': {
    content: {},
    also: (tree) => {
      mkdirSync(path.join(tree, units), { recursive: true });
      for (let i = 0; i <= 10_000; i++) writeFileSync(path.join(tree, units, `x${i}.service`), 'x');
    },
    refused: ['LimitsExceeded', /10000 unit files/],
  },
  'link of a thousand components': {
    content: {
      [`${units}/a.service`]: { link: `${'/usr/lib/../..'.repeat(200)}/usr/lib/x` },
    },
    refused: ['LimitsExceeded', /a\.service.*256 components/],
  },
};

const paths: { readonly title: string; readonly path: string; readonly hostile: Hostile }[] = [];
const measured = new Map<string, Measured>();

/** Damaged copies of a good squashfs image. */
const damaged: Readonly<Record<string, (at: string) => void>> = {
  'truncated squashfs': (at) => truncateSync(at, Math.floor(statSync(at).size / 2)),
  'squashfs cut in its superblock': (at) => truncateSync(at, 50),
  'empty file': (at) => truncateSync(at, 0),
  'squashfs of noise after its superblock': (at) =>
    overwrite(at, 96, Buffer.alloc(statSync(at).size - 96, 0xa5)),
  'squashfs whose tables are beyond its end': (at) => overwrite(at, 64, Buffer.alloc(32, 0x7f)),
  'squashfs that claims 2^63 bytes': (at) => overwrite(at, 40, Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x7f])),
};

function overwrite(at: string, offset: number, bytes: Buffer): void {
  const fd = openSync(at, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** A block of zeroes that expands a thousandfold, and claims to be within the block size. */
function makeBomb(at: string): void {
  const tree = writeTree(
    path.join(scratch, 'bomb.tree'),
    imageContent({ [`${units}/a.service`]: '\0'.repeat(1_000_000) }),
  );
  runSync('mksquashfs', [tree, at, '-noappend', '-quiet', '-no-progress', '-comp', 'xz', '-b', '1M']);
  // half the block size in the superblock: every block of a megabyte now breaks its promise
  const bytes = readFileSync(at);
  bytes.writeUInt32LE(512 * 1024, 12);
  bytes.writeUInt16LE(19, 22);
  writeFileSync(at, bytes);
}

before(() => {
  writeFileSync(secret, '[Service]\nExecStart=/secret\n');
  const good = writeTree(path.join(scratch, 'good'), imageContent({ [`${units}/a.service`]: unit }));
  for (const [title, hostile] of Object.entries(cases)) {
    const tree = writeTree(path.join(scratch, title), imageContent(hostile.content));
    hostile.also?.(tree);
    const raw = `${tree}.raw`;
    runSync('mksquashfs', [tree, raw, '-noappend', '-quiet', '-no-progress', '-all-root']);
    paths.push({ title, path: tree, hostile }, { title, path: raw, hostile });
  }
  const goodRaw = path.join(scratch, 'good.raw');
  runSync('mksquashfs', [good, goodRaw, '-noappend', '-quiet', '-no-progress', '-nopad']);
  for (const [title, damage] of Object.entries(damaged)) {
    const at = path.join(scratch, `${title}.raw`);
    copyFileSync(goodRaw, at);
    damage(at);
    paths.push({ title, path: at, hostile: { content: {}, refused: ['InvalidArgs', /./] } });
  }
  const bomb = path.join(scratch, 'decompression bomb.raw');
  makeBomb(bomb);
  paths.push({
    title: 'decompression bomb',
    path: bomb,
    hostile: { content: {}, refused: ['InvalidArgs', /bomb/] },
  });
  const noise = path.join(scratch, 'huge and sparse.raw');
  const fd = openSync(noise, 'w');
  ftruncateSync(fd, 2 ** 42);
  closeSync(fd);
  paths.push({
    title: 'huge and sparse',
    path: noise,
    hostile: { content: {}, refused: ['InvalidArgs', /file system/] },
  });

  const child = path.join(import.meta.dirname, '../support/measure-inspection.ts');
  for (const warmUp of [good, goodRaw]) {
    const same = paths.filter((each) => each.path.endsWith('.raw') === warmUp.endsWith('.raw'));
    const output = runSync(process.execPath, [
      '--import',
      'tsx',
      child,
      warmUp,
      ...same.map((each) => each.path),
    ]);
    for (const line of output.trim().split('\n')) {
      const one = JSON.parse(line) as Measured;
      measured.set(one.image, one);
    }
  }
});

describe('hostile images', () => {
  for (const title of [
    ...Object.keys(cases),
    ...Object.keys(damaged),
    'decompression bomb',
    'huge and sparse',
  ]) {
    it(title, () => {
      const mine = paths.filter((each) => each.title === title);
      assert.ok(mine.length > 0);
      for (const { path: image, hostile } of mine) {
        const result = measured.get(image);
        assert.ok(result !== undefined, `${image} was not measured`);
        if (hostile.found !== undefined) assert.deepEqual(result.units, hostile.found, result.message);
        else {
          const code = image.endsWith('.raw')
            ? (hostile.rawCode ?? hostile.refused?.[0])
            : hostile.refused?.[0];
          assert.equal(result.error, code, `${image}: ${result.message ?? 'accepted'}`);
          assert.match(result.message ?? '', hostile.refused?.[1] ?? /never/);
          assert.ok(result.message?.includes(title), `the message names the image: ${result.message ?? ''}`);
        }
        assert.ok(result.ms < maxMs, `${image}: ${result.ms} ms`);
        assert.ok(result.wallMs < maxWallMs, `${image}: ${result.wallMs} ms`);
        assert.ok(result.grown < maxGrowth, `${image}: grew by ${result.grown} bytes`);
      }
    });
  }
});
