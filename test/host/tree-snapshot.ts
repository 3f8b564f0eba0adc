/**
 * What a directory holds, as comparable text: one line per file with its type, mode and content or link target.
 * Two daemons that leave the same tree give equal snapshots.
 */
import { createHash } from 'node:crypto';
import { lstat, readFile, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import type { Host } from './host.ts';

/** Path inside the host → description; `inode` lets tests see that a file was replaced or left alone. */
export type TreeSnapshot = ReadonlyMap<string, string>;

/** Everything that attaching, detaching and removing may touch. */
export const portableTrees = [
  '/etc/systemd/system.attached',
  '/run/systemd/system.attached',
  '/etc/portables',
  '/run/portables',
  '/var/lib/portables',
] as const;

/** What to look at. */
export interface SnapshotOptions {
  readonly trees?: readonly string[];
  /** Also note inode numbers. */
  readonly inodes?: boolean;
}

/** Takes a snapshot of trees of a host; a tree that does not exist leaves no line. */
export async function snapshotHost(host: Host, options: SnapshotOptions = {}): Promise<TreeSnapshot> {
  const snapshot = new Map<string, string>();
  for (const tree of options.trees ?? portableTrees) {
    await add(snapshot, tree, (inside) => host.path(inside), options.inodes ?? false);
  }
  return snapshot;
}

/** Takes a snapshot of a directory of this machine, with paths relative to it. */
export async function snapshotDirectory(dir: string, inodes = false): Promise<TreeSnapshot> {
  const snapshot = new Map<string, string>();
  await add(snapshot, '/', (inside) => path.join(dir, inside), inodes);
  return snapshot;
}

/** The differences as lines "- path: before", "+ path: after"; none when the trees are equal. */
export function diffSnapshots(before: TreeSnapshot, after: TreeSnapshot): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths
    .filter((file) => before.get(file) !== after.get(file))
    .flatMap((file) => [
      ...(before.has(file) ? [`- ${file}: ${before.get(file)!}`] : []),
      ...(after.has(file) ? [`+ ${file}: ${after.get(file)!}`] : []),
    ]);
}

async function add(
  snapshot: Map<string, string>,
  file: string,
  outside: (inside: string) => string,
  inodes: boolean,
): Promise<void> {
  const stat = await lstat(outside(file)).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (stat === undefined) return;
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  const inode = inodes ? ` inode ${stat.ino}` : '';
  if (stat.isSymbolicLink()) {
    snapshot.set(file, `symlink -> ${await readlink(outside(file))}${inode}`);
  } else if (stat.isDirectory()) {
    snapshot.set(file, `directory ${mode}${inode}`);
    for (const name of (await readdir(outside(file))).sort()) {
      await add(snapshot, path.join(file, name), outside, inodes);
    }
  } else if (stat.isFile()) {
    snapshot.set(file, `file ${mode}${inode} ${describeContent(await readFile(outside(file)))}`);
  } else {
    snapshot.set(file, `special ${mode}${inode}`);
  }
}

/** Short text in full, anything else as size and digest. */
function describeContent(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (bytes.length <= 65536 && Buffer.from(text).equals(bytes) && !text.includes('\0'))
    return JSON.stringify(text);
  return `${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`;
}
