/** Making vfat images with dosfstools and mtools; none of this needs root. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Random } from './random.ts';
import { runSync } from './run.ts';

/** mtools takes names in the locale's encoding, and times as local time. */
const environment = { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };

/** What mtools(1) prints. @throws what it said */
export function mtool(program: 'mcopy' | 'mdel' | 'mattrib' | 'mlabel', args: readonly string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/**
 * Makes the file `image` a vfat of so many KiB, with what is in the directory `from`, or these names of it.
 * @param options of mkfs.fat(8)
 */
export function makeFat(
  image: string,
  kibibytes: number,
  options: readonly string[],
  from?: string,
  names = from === undefined ? [] : readdirSync(from),
): void {
  rmSync(image, { force: true });
  writeFileSync(image, '');
  truncateSync(image, kibibytes * 1024);
  runSync('mkfs.vfat', ['-i', '5a1ec0de', '--invariant', ...options, image]);
  if (names.length > 0)
    mtool('mcopy', ['-s', '-o', '-m', '-i', image, ...names.map((name) => join(from!, name)), '::/']);
}

/** Copies all of `image` into the new directory `to`, as mtools reads it. */
export function copyOut(image: string, to: string): void {
  mkdirSync(to);
  mtool('mcopy', ['-s', '-n', '-m', '-i', image, '::/', to]);
}

/** A directory with what vfat can hold. Times are even: it counts in steps of two seconds. */
export function makeFatTree(
  root: string,
  options: { readonly many: number; readonly largest: number },
): void {
  const random = new Random(2);
  const write = (name: string, content: string | Buffer): void => {
    writeFileSync(join(root, name), content);
    const time = 400_000_000 + 2 * random.below(900_000_000);
    utimesSync(join(root, name), time, time);
  };
  for (const path of [
    'usr/lib/systemd/system',
    'etc',
    'many',
    'names',
    'sizes',
    'flagged',
    'deep/a/b/c/d/e/f/g',
  ]) {
    mkdirSync(join(root, path), { recursive: true });
  }
  write('usr/lib/os-release', 'ID=fat\nVERSION_ID=1\n');
  write('etc/os-release', 'ID=fat\n');
  write('usr/lib/systemd/system/fat.service', '[Service]\nExecStart=/bin/true\n');
  write('deep/a/b/c/d/e/f/g/file', 'deep');
  for (let i = 0; i < options.many; i++)
    write(`many/${'x'.repeat(i % 30)} entry ${i}`, i % 5 === 0 ? `${i}` : '');
  const names = [
    ...['lower', 'UPPER', 'low.txt', 'UP.TXT', 'base.TXT', 'EXT.txt', 'Mixed.Txt', 'a', 'two.dots.txt'],
    ...[
      '.hidden',
      'with blanks',
      'plus+comma,semi;equal=[brackets]',
      'näme of more',
      'Größe.txt',
      '日本語',
      'ÇÄ.TXT',
    ],
    ...['n'.repeat(255), 'é'.repeat(85), 'l'.repeat(13), 'l'.repeat(26), 'exactly8.abc'],
  ];
  for (const name of names) write(`names/${name}`, name);
  // short names in lower case, by a flag
  for (const name of ['näme', 'ç.ä']) write(`flagged/${name}`, name);
  for (const size of [0, 1, 511, 512, 513, 2048, 4095, 4096, 4097, 8192, 32_768, 65_537, 1_000_003]) {
    if (size <= options.largest) write(`sizes/${size}`, random.bytes(size));
  }
}

/** A changed copy of an image's bytes. */
export function changedImage(image: string, change: (bytes: Buffer) => void): Buffer {
  const bytes = readFileSync(image);
  change(bytes);
  return bytes;
}
