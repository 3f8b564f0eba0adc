/** Writing a staged tree as a directory. */
import { constants } from 'node:fs';
import { chmod, lchown, link, lutimes, mkdir, open, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { fileError, quoted } from '../../base/errors.ts';
import { runTool } from '../../base/tool.ts';
import { piecesOf } from '../content.ts';
import { root } from '../tree.ts';
import type { FoundNode, StagedFile, StagedNode, StagingTree } from '../tree.ts';
import { toolOptions, type WriteSettings } from './settings.ts';
import { sizeOf } from './size.ts';

/** Of the owner, while a directory is being filled. */
const writable = 0o700;

/**
 * Writes the tree below a new directory; what would be root's belongs to whoever runs this.
 * @throws PortableError what reading the tree throws; file-system errors
 */
export async function writeDirectory(
  tree: StagingTree,
  directory: string,
  settings: WriteSettings,
): Promise<void> {
  const total = sizeOf(tree).closureBytes;
  const nodes = [{ path: '', node: tree.root as StagedNode }, ...tree.walk()];
  const written = new Map<StagedFile, string>();
  let done = 0;
  for (const { path, node } of nodes) {
    settings.signal.throwIfAborted();
    const file = join(directory, path);
    const first = node.kind === 'file' ? written.get(node) : undefined;
    await attempt(file, () => (first === undefined ? create(file, node) : link(first, file)));
    if (node.kind !== 'file' || first !== undefined) continue;
    written.set(node, file);
    done += node.content.size;
    settings.progress(done, total);
  }
  await setXattrs(nodes, directory, settings);
  // what is below a directory is finished before it: afterwards nothing may be writable, and its time would change
  for (const { path, node } of nodes.reverse()) {
    const file = join(directory, path);
    await attempt(file, () => finish(file, node, settings.time));
  }
}

async function create(file: string, node: StagedNode): Promise<void> {
  if (node.kind === 'directory') return mkdir(file, writable).then(() => undefined);
  if (node.kind === 'symlink') return symlink(node.target, file);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(file, flags, 0o600);
  try {
    for await (const piece of piecesOf(node.content)) await handle.appendFile(piece);
  } finally {
    await handle.close();
  }
}

async function finish(file: string, node: StagedNode, time: number): Promise<void> {
  // before the mode: a change of owner clears set-user-ID
  const { uid, gid } = node.owner ?? root;
  if (uid !== 0 || gid !== 0) await lchown(file, uid, gid);
  if (node.kind === 'symlink') return lutimes(file, time, time);
  await utimes(file, time, time);
  await chmod(file, node.mode);
}

/** With setfattr(1), all in one go: Node cannot. */
async function setXattrs(
  nodes: readonly FoundNode[],
  directory: string,
  settings: WriteSettings,
): Promise<void> {
  const lines = nodes.flatMap(({ path, node }) => xattrLines(join(directory, path), node));
  if (lines.length === 0) return;
  await runTool(
    'setfattr',
    ['--no-dereference', '--restore=-'],
    toolOptions(settings, {
      doing: `set extended attributes in ${quoted(directory)}`,
      file: directory,
      package: 'attr',
      input: Readable.from(lines),
    }),
  );
}

/** As getfattr(1) prints them. */
function xattrLines(file: string, node: StagedNode): string[] {
  if (node.kind === 'symlink' || node.xattrs === undefined || node.xattrs.size === 0) return [];
  const values = [...node.xattrs].map(([name, value]) => `${escaped(name)}=0x${value.toString('hex')}\n`);
  return [`# file: ${escaped(file)}\n${values.join('')}\n`];
}

/** What could end a name or a line, and the escape itself, in octal. */
function escaped(name: string): string {
  return name.replace(/[\\=\n\r]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

async function attempt(file: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw fileError(error, 'write', file);
  }
}
