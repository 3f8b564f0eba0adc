/**
 * The differential test of the readers: the tree that a reader gives of an image must equal what the kernel
 * shows of the same image, mounted.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, open, readdir, readlink, rmdir } from 'node:fs/promises';
import type { BigIntStats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FileTree, NodeKind, TreeNode } from '../../src/disk/tree.ts';

const run = promisify(execFile);

/** All that is compared of one file. Paths and names are the raw bytes as latin1, so that nothing is lost. */
export interface FileFacts {
  kind: NodeKind;
  mode: string;
  owner: string;
  links: number;
  mtime: bigint;
  inode: bigint;
  size?: bigint;
  device?: string;
  target?: string;
  sha256?: string;
  xattrs?: Record<string, string>;
}

/** Path below the root, "" for the root itself, → facts. */
export type TreeFacts = Map<string, FileFacts>;

export interface CompareOptions {
  /** Facts not compared, where the kernel makes them up (say link counts of directories). */
  readonly ignore?: readonly (keyof FileFacts)[];
  /** Names below the root that are left out on both sides ("lost+found"). */
  readonly skip?: readonly string[];
}

/**
 * Compares the whole tree with a mounted (or source) directory.
 * @returns one line per difference, at most 50; none when they are equal
 */
export async function compareWithKernel(
  tree: FileTree,
  mountedDirectory: string,
  options: CompareOptions = {},
): Promise<string[]> {
  const ours = await treeFacts(tree, options.skip);
  const kernels = await directoryFacts(mountedDirectory, options.skip);
  return differences(ours, kernels, options.ignore);
}

/** One line per difference between the reader's facts and the kernel's, at most 50. */
export function differences(
  ours: TreeFacts,
  kernels: TreeFacts,
  ignore: readonly (keyof FileFacts)[] = [],
): string[] {
  const lines: string[] = [];
  for (const [path, theirs] of kernels) {
    const mine = ours.get(path);
    if (mine === undefined) lines.push(`${printable(path)}: missing in the reader's tree`);
    else lines.push(...factDifferences(path, mine, theirs, ignore));
  }
  for (const path of ours.keys()) {
    if (!kernels.has(path)) lines.push(`${printable(path)}: only in the reader's tree`);
  }
  return lines.slice(0, 50);
}

function factDifferences(
  path: string,
  ours: FileFacts,
  theirs: FileFacts,
  ignore: readonly (keyof FileFacts)[],
): string[] {
  const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]) as Set<keyof FileFacts>;
  for (const key of ignore) keys.delete(key);
  return [...keys].flatMap((key) => {
    const [a, b] = [show(ours[key]), show(theirs[key])];
    return a === b ? [] : [`${printable(path)}: ${key} is ${a}, the kernel has ${b}`];
  });
}

function show(value: FileFacts[keyof FileFacts]): string {
  return JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v));
}

function printable(path: string): string {
  return JSON.stringify(path.length > 120 ? `${path.slice(0, 120)}…` : `/${path}`);
}

/**
 * Reads everything of a tree through the reader; also checks that lookup and entries agree.
 * @param hasXattrs false for paths that are known to have none, where asking costs a process
 */
export async function treeFacts(
  tree: FileTree,
  skip: readonly string[] = [],
  hasXattrs: (path: string) => boolean = () => true,
): Promise<TreeFacts> {
  const facts: TreeFacts = new Map();
  const visit = async (node: TreeNode, path: string): Promise<void> => {
    facts.set(path, await nodeFacts(node, hasXattrs(path)));
    if (node.stat.kind === 'directory') {
      for await (const entry of node.entries()) {
        const name = entry.name.toString('latin1');
        if (path === '' && skip.includes(name)) continue;
        const child = await node.lookup(entry.name);
        if (child === undefined) throw new Error(`lookup does not find ${printable(`${path}/${name}`)}`);
        if (child.stat.kind !== entry.kind) {
          throw new Error(
            `${printable(`${path}/${name}`)}: entry says ${entry.kind}, inode ${child.stat.kind}`,
          );
        }
        await visit(child, path === '' ? name : `${path}/${name}`);
      }
    }
    await node.close();
  };
  await visit(await tree.root(), '');
  return facts;
}

/** What the reader says of one node. */
async function nodeFacts(node: TreeNode, hasXattrs: boolean): Promise<FileFacts> {
  const { stat } = node;
  const facts: FileFacts = {
    kind: stat.kind,
    mode: stat.mode.toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    links: stat.links,
    mtime: stat.mtime,
    inode: stat.inode,
  };
  if (stat.kind === 'file') {
    facts.size = stat.size;
    facts.sha256 = await hashNode(node);
  }
  if (stat.kind === 'symlink') {
    const target = await node.readlink();
    facts.target = target.toString('latin1');
    facts.size = stat.size;
  }
  if (stat.device !== undefined) facts.device = `${stat.device.major}:${stat.device.minor}`;
  const xattrs = hasXattrs ? await node.xattrs() : new Map<string, Buffer>();
  if (xattrs.size > 0) {
    facts.xattrs = Object.fromEntries(
      [...xattrs].map(([name, value]) => [name, value.toString('hex')] as const).sort(byName),
    );
  }
  return facts;
}

async function hashNode(node: TreeNode): Promise<string> {
  const hash = createHash('sha256');
  // not a divisor of any block size, so that reads cross blocks
  const step = 1_000_003;
  for (let offset = 0n; offset < node.stat.size;) {
    const bytes = await node.read(offset, step);
    if (bytes.length === 0) throw new Error('read gives nothing before the end of the file');
    hash.update(bytes);
    offset += BigInt(bytes.length);
  }
  return hash.digest('hex');
}

/** Reads everything of a directory through the kernel; as root, to see all xattrs. */
export async function directoryFacts(root: string, skip: readonly string[] = []): Promise<TreeFacts> {
  const facts: TreeFacts = new Map();
  const visit = async (file: Buffer, path: string): Promise<void> => {
    const stat = await lstat(file, { bigint: true });
    const of = kernelFacts(stat);
    facts.set(path, of);
    if (of.kind === 'file') of.sha256 = await hashFile(file);
    if (of.kind === 'symlink') of.target = (await readlink(file, 'buffer')).toString('latin1');
    if (of.kind !== 'directory') return;
    for (const name of await readdir(file, 'buffer')) {
      const text = name.toString('latin1');
      if (path === '' && skip.includes(text)) continue;
      await visit(Buffer.concat([file, Buffer.from('/'), name]), path === '' ? text : `${path}/${text}`);
    }
  };
  await visit(Buffer.from(root), '');
  for (const [path, xattrs] of await kernelXattrs(root)) {
    const of = facts.get(path);
    if (of !== undefined) of.xattrs = xattrs;
  }
  return facts;
}

function kernelFacts(stat: BigIntStats): FileFacts {
  const kind = kernelKind(stat);
  const facts: FileFacts = {
    kind,
    mode: (Number(stat.mode) & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    links: Number(stat.nlink),
    mtime: floorSeconds(stat.mtimeNs),
    inode: stat.ino,
  };
  if (kind === 'file' || kind === 'symlink') facts.size = stat.size;
  if (kind === 'character' || kind === 'block') facts.device = deviceNumber(stat.rdev);
  return facts;
}

function floorSeconds(ns: bigint): bigint {
  const seconds = ns / 1_000_000_000n;
  return ns % 1_000_000_000n < 0n ? seconds - 1n : seconds;
}

/** dev_t as glibc packs it, makedev(3). */
function deviceNumber(rdev: bigint): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}

function kernelKind(stat: BigIntStats): NodeKind {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  return stat.isCharacterDevice() ? 'character' : 'block';
}

async function hashFile(file: Buffer): Promise<string> {
  const hash = createHash('sha256');
  const handle = await open(file);
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, autoClose: false })) {
      hash.update(chunk as Buffer);
    }
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

/** All xattrs below a directory, by getfattr (package attr), which escapes odd bytes of names in octal. */
async function kernelXattrs(root: string): Promise<Map<string, Record<string, string>>> {
  const output = await capture('getfattr', [
    '-R',
    '-P',
    '-h',
    '-d',
    '-m',
    '-',
    '-e',
    'hex',
    '--absolute-names',
    root,
  ]);
  const found = new Map<string, Record<string, string>>();
  for (const record of output.split('\n\n')) {
    const lines = record.split('\n').filter((line) => line !== '');
    const file = lines.find((line) => line.startsWith('# file: '));
    if (file === undefined) continue;
    const path = unescapeOctal(file.slice('# file: '.length));
    const pairs = lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        const [name = '', value = ''] = line.split('=0x');
        return [unescapeOctal(name), value] as const;
      });
    found.set(path === root ? '' : path.slice(root.length + 1), Object.fromEntries(pairs.sort(byName)));
  }
  return found;
}

/** Standard output as latin1, whatever its size. Where the file system has no xattrs at all, there is none. */
async function capture(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  const lines = Buffer.concat(complaints).toString('latin1').split('\n').slice(0, -1);
  if (code !== 0 && !lines.every((line) => line.endsWith('Operation not supported'))) {
    throw new Error(`${command} ended with ${String(code)}: ${lines.slice(0, 3).join('; ')}`);
  }
  return Buffer.concat(output).toString('latin1');
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}

/**
 * Mounts an image read-only through a loop device, runs `use` with the directory, unmounts. Needs root.
 * @param options more for `mount -o`, comma separated
 */
export async function withMounted<T>(
  image: string,
  type: string,
  use: (directory: string) => Promise<T>,
  options = '',
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'portabled-mount-'));
  try {
    await run('mount', ['-t', type, '-o', `loop,ro${options === '' ? '' : `,${options}`}`, image, directory]);
    try {
      return await use(directory);
    } finally {
      await run('umount', [directory]);
    }
  } finally {
    await rmdir(directory);
  }
}
