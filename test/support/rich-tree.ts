/**
 * A directory with everything a file system has to get right: every inode kind, odd names, odd sizes, sparse
 * files, hard links, deep and wide directories, owners, times, xattrs. Images are made of it and compared with
 * what the kernel shows (kernel-compare.ts). The same options give the same tree.
 */
import { execFile } from 'node:child_process';
import { link, mkdir, open, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chmod, chown, lchown, lutimes, utimes } from 'node:fs/promises';
import { Random } from './random.ts';

const run = promisify(execFile);

export interface RichTreeOptions {
  /** We are root: also device nodes, foreign owners, security.* and trusted.* xattrs. */
  readonly privileged: boolean;
  /** Entries of the wide directory; default 10,000. */
  readonly manyEntries?: number;
  /** Levels of the deep directory; default 100. */
  readonly depth?: number;
  /** Bytes of the largest ordinary file; larger ones are left out. Default 3 MiB and a bit. */
  readonly largest?: number;
  /** Bytes of one big file with text, random and sparse parts; default none. */
  readonly bigFile?: number;
  /** Different owners and different xattr sets, enough to fill more than one table block; default 2100 (root only) and 600. */
  readonly owners?: number;
  readonly xattrSets?: number;
}

/** Makes the tree in `root`, an existing empty directory. Needs setfattr (package attr). */
export async function makeRichTree(root: string, options: RichTreeOptions): Promise<void> {
  const random = new Random(1);
  const largest = options.largest ?? 4 * 1048576;
  await systemFiles(root, random, largest);
  await sizes(join(root, 'sizes'), random, largest);
  await sparse(join(root, 'sparse'), random, largest);
  await deep(join(root, 'deep'), options.depth ?? 100);
  await many(join(root, 'many'), options.manyEntries ?? 10_000);
  await names(join(root, 'names'));
  await links(join(root, 'links'));
  await modesAndTimes(join(root, 'modes'));
  await nodes(join(root, 'nodes'), options.privileged);
  await xattrs(join(root, 'xattrs'), options.privileged, options.xattrSets ?? 600, random);
  if (options.privileged) await owners(join(root, 'owners'), options.owners ?? 2100);
  if (options.bigFile !== undefined) await bigFile(join(root, 'big'), options.bigFile, random);
}

/** A file whose name is arbitrary bytes. */
function at(directory: string, name: Buffer | string): Buffer {
  return Buffer.concat([Buffer.from(directory), Buffer.from('/'), Buffer.from(name)]);
}

async function systemFiles(root: string, random: Random, largest: number): Promise<void> {
  await mkdir(join(root, 'etc'));
  await mkdir(join(root, 'usr/lib/systemd/system'), { recursive: true });
  await mkdir(join(root, 'usr/bin'), { recursive: true });
  await symlink('../usr/lib/os-release', join(root, 'etc/os-release'));
  await writeFile(join(root, 'usr/lib/os-release'), 'ID=rich\nVERSION_ID=1\nPORTABLE_PREFIXES=rich\n');
  for (let i = 0; i < 20; i++) {
    const unit = `[Service]\nExecStart=/usr/bin/bash -c ${i}\n# ${random.text(200 + i * 40).toString()}\n`;
    await writeFile(join(root, `usr/lib/systemd/system/rich-${i}.service`), unit);
  }
  // machine code, for the branch filters of xz
  await writeFile(join(root, 'usr/bin/bash'), (await readFile('/bin/bash')).subarray(0, largest));
}

/** Around every block and page size in use. */
async function sizes(directory: string, random: Random, largest: number): Promise<void> {
  await mkdir(directory);
  const edges = [4096, 8192, 16384, 65536, 131072, 1048576].flatMap((n) => [n - 1, n, n + 1]);
  for (const size of [0, 1, 2, 3, 63, 511, 1000, ...edges, 3 * 1048576 + 17]) {
    if (size > largest) continue;
    await writeFile(join(directory, `text-${size}`), random.text(size));
    if (size <= 131073) await writeFile(join(directory, `random-${size}`), random.bytes(size));
  }
  const same = random.text(200_000);
  await writeFile(join(directory, 'duplicate-1'), same);
  await writeFile(join(directory, 'duplicate-2'), same);
  await writeFile(join(directory, 'zeros'), Buffer.alloc(300_000));
  const repeats = Buffer.alloc(70_000, random.bytes(7));
  await writeFile(join(directory, 'repeats'), repeats);
}

async function sparse(directory: string, random: Random, largest: number): Promise<void> {
  await mkdir(directory);
  const make = async (name: string, size: number, parts: readonly (readonly [number, number])[]) => {
    if (size > 2 * largest) return;
    const file = await open(join(directory, name), 'w');
    await file.truncate(size);
    for (const [offset, length] of parts) await file.write(random.text(length), 0, length, offset);
    await file.close();
  };
  await make('all-hole', 5 * 1048576 + 3, []);
  await make('hole-first', 2 * 1048576 + 100, [[2 * 1048576, 100]]);
  await make('hole-last', 3 * 1048576, [[0, 5000]]);
  await make('hole-middle', 4 * 1048576, [
    [0, 4096],
    [3 * 1048576, 1048576],
  ]);
  await make(
    'stripes',
    2 * 1048576,
    Array.from({ length: 8 }, (_, i) => [i * 262144, 131072] as const),
  );
  await make('hole-first-small', 200_100, [[200_000, 100]]);
  await make('hole-middle-small', 400_000, [
    [0, 4096],
    [300_000, 100_000],
  ]);
  await make('hole-last-small', 300_000, [[0, 5000]]);
  await make('small-hole', 8192, [[4096, 4096]]);
}

async function deep(directory: string, depth: number): Promise<void> {
  await mkdir(join(directory, ...Array.from({ length: depth }, (_, i) => `d${i % 10}`)), { recursive: true });
  let path = directory;
  for (let i = 0; i < depth; i++) {
    path = join(path, `d${i % 10}`);
    if (i % 10 === 9 || i === depth - 1) await writeFile(join(path, 'file'), `level ${i}\n`);
  }
}

/** One directory that needs an index: names of all lengths, mostly empty files, some content, some directories. */
async function many(directory: string, count: number): Promise<void> {
  await mkdir(directory);
  for (let i = 0; i < count; i++) {
    const name = `entry-${String(i).padStart(6, '0')}${'x'.repeat(i % 40)}`;
    if (i % 97 === 0) await mkdir(join(directory, name));
    else await writeFile(join(directory, name), i % 5 === 0 ? `content ${i}\n` : '');
  }
}

async function names(directory: string): Promise<void> {
  await mkdir(directory);
  const odd = [
    'a',
    ' ',
    ' leading',
    'trailing ',
    '-dash',
    '...',
    '.hidden',
    'new\nline',
    'tab\t',
    'back\\slash',
    'quo"te\'s',
    '%percent%20',
    '*glob?[x]',
    'ünïcödé',
    '日本語',
    '🙂',
    'x'.repeat(255),
    'é'.repeat(127),
  ];
  for (const name of odd) await writeFile(at(directory, name), name);
  // not UTF-8, control characters, and all bytes that a name may have
  for (const bytes of [[0xff], [0xc3, 0x28], [0x01], [0x7f], [0xed, 0xa0, 0x80], [0x80, 0x81]]) {
    await writeFile(at(directory, Buffer.from(bytes)), 'bytes');
  }
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== 0 && i !== 0x2f));
  await writeFile(at(directory, all), 'all bytes');
  await mkdir(at(directory, 'D'.repeat(255)));
  await writeFile(at(join(directory, 'D'.repeat(255)), 'inside'), 'inside a long name');
}

async function links(directory: string): Promise<void> {
  await mkdir(directory);
  await writeFile(join(directory, 'hard-1'), 'three names, one inode\n');
  await link(join(directory, 'hard-1'), join(directory, 'hard-2'));
  await mkdir(join(directory, 'sub'));
  await link(join(directory, 'hard-1'), join(directory, 'sub/hard-3'));
  await symlink('hard-1', join(directory, 'relative'));
  await symlink('../../../../../etc/passwd', join(directory, 'out'));
  await symlink('/absolute/target', join(directory, 'absolute'));
  await symlink('loop', join(directory, 'loop'));
  await symlink('missing', join(directory, 'dangling'));
  for (const length of [1, 59, 60, 61, 255, 1000, 4000]) {
    await symlink('t'.repeat(length), join(directory, `target-${length}`));
  }
  await symlink(Buffer.from([0xff, 0xfe, 0x41]), at(directory, 'target-bytes'));
}

async function modesAndTimes(directory: string): Promise<void> {
  await mkdir(directory);
  // whoever is not root must be able to compare it
  const readable = process.geteuid?.() === 0 ? 0 : 0o400;
  for (const mode of [0o000, 0o400, 0o644, 0o755, 0o777, 0o1777, 0o2755, 0o4755, 0o7777]) {
    const file = join(directory, `file-${mode.toString(8)}`);
    await writeFile(file, 'mode');
    await chmod(file, mode | readable);
    const sub = join(directory, `directory-${mode.toString(8)}`);
    await mkdir(sub);
    // an unprivileged mksquashfs still has to read it
    await chmod(sub, mode | 0o500);
  }
  for (const time of [0, 1, 1_700_000_000, 2 ** 31 - 1, 2 ** 31 + 5]) {
    const file = join(directory, `time-${time}`);
    await writeFile(file, '');
    await utimes(file, time, time);
  }
  await symlink('x', join(directory, 'old-link'));
  await lutimes(join(directory, 'old-link'), 12345, 12345);
}

async function nodes(directory: string, privileged: boolean): Promise<void> {
  await mkdir(directory);
  await run('mkfifo', [join(directory, 'fifo')]);
  await makeSocket(join(directory, 'socket'));
  if (!privileged) return;
  const devices = [
    ['char-null', 'c', '1', '3'],
    ['char-large', 'c', '4095', '1048575'],
    ['char-minor', 'c', '10', '256'],
    ['block-loop', 'b', '7', '0'],
    ['block-nvme', 'b', '259', '70000'],
  ] as const;
  for (const [name, kind, major, minor] of devices) {
    await run('mknod', [join(directory, name), kind, major, minor]);
  }
}

/** Binds a socket and moves it away before closing, which would delete it. */
async function makeSocket(path: string): Promise<void> {
  const server = createServer();
  const temporary = `${path}.bound`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(temporary, resolve);
  });
  await rename(temporary, path);
  await new Promise((resolve) => server.close(resolve));
}

/** Small and large values, values shared by many files, enough different sets for several table blocks. */
async function xattrs(directory: string, privileged: boolean, sets: number, random: Random): Promise<void> {
  await mkdir(directory);
  const lines: string[] = [];
  const set = (file: string, attributes: Readonly<Record<string, Buffer>>) => {
    lines.push(`# file: ${join(directory, file)}`);
    for (const [name, value] of Object.entries(attributes)) lines.push(`${name}=0x${value.toString('hex')}`);
    lines.push('');
  };
  const shared = random.bytes(700);
  for (let i = 0; i < sets; i++) {
    await writeFile(join(directory, `set-${i}`), `set ${i}`);
    set(`set-${i}`, { 'user.number': Buffer.from(String(i)), 'user.shared': shared });
  }
  await writeFile(join(directory, 'one'), 'one');
  set('one', { 'user.one': Buffer.from('1') });
  await writeFile(join(directory, 'several'), 'several');
  set('several', {
    'user.empty': Buffer.alloc(0),
    'user.extension-release.strict': Buffer.from('0'),
    'user.large': random.bytes(1500),
    [`user.${'n'.repeat(240)}`]: Buffer.from('long name'),
    'user.verity.roothash': Buffer.from('0'.repeat(64)),
  });
  await mkdir(join(directory, 'directory'));
  set('directory', { 'user.on.directory': Buffer.from('yes') });
  if (privileged) {
    for (const file of ['privileged', 'capability']) await writeFile(join(directory, file), file);
    set('privileged', {
      'trusted.hidden': random.bytes(100),
      'security.test': Buffer.from('label\0'),
      'user.mixed': Buffer.from('all three'),
    });
    // struct vfs_cap_data, revision 2: cap_net_bind_service, effective
    set('capability', {
      'security.capability': Buffer.from('0100000200040000000000000000000000000000', 'hex'),
    });
    await symlink('one', join(directory, 'link'));
    set('link', { 'trusted.link': Buffer.from('on a link') });
    await run('mkfifo', [join(directory, 'fifo')]);
    set('fifo', { 'trusted.fifo': Buffer.from('on a fifo') });
    await run('mknod', [join(directory, 'null'), 'c', '1', '3']);
    set('null', { 'security.device': Buffer.from('on a device') });
  }
  const dump = `${directory}.dump`;
  await writeFile(dump, lines.join('\n'));
  await run('setfattr', ['-h', `--restore=${dump}`]);
  await run('rm', [dump]);
}

async function owners(directory: string, count: number): Promise<void> {
  await mkdir(directory);
  for (let i = 0; i < count; i++) {
    const file = join(directory, `uid-${i}`);
    await writeFile(file, '');
    await chown(file, 100_000 + i, 100_000 + (i % 7));
  }
  await writeFile(join(directory, 'highest'), '');
  await chown(join(directory, 'highest'), 4294967294, 65534);
  await symlink('x', join(directory, 'link'));
  await lchown(join(directory, 'link'), 1000, 1000);
}

async function bigFile(path: string, size: number, random: Random): Promise<void> {
  const file = await open(path, 'w');
  await file.truncate(size);
  const chunk = 1048576;
  for (let offset = 0, i = 0; offset < size; offset += chunk, i++) {
    const length = Math.min(chunk, size - offset);
    if (i % 5 === 4) continue;
    await file.write(i % 5 === 3 ? random.bytes(length) : random.text(length), 0, length, offset);
  }
  await file.close();
}
