/**
 * A file tree over a directory of the host. The tree may be attacked while it is read (entries renamed, replaced
 * by symlinks, FIFOs, devices): every step opens one entry of a directory that is already open, without following
 * it, and trusts only what fstat(2) says of the descriptor. Mount points are crossed, as the kernel would.
 *
 * Calls to the file system are synchronous (see inode.ts) but give way to the event loop every few milliseconds.
 * A file system that hangs (an NFS server gone) hangs the caller, as it would the service manager.
 */
import { type BigIntStats, closeSync, fstatSync, statSync } from 'node:fs';
import { PortableError, errnoOf, fileError, quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { readHostXattrs, type ReadXattrs } from '../host-xattrs.ts';
import { descriptorPath, duplicateDirectory, kindOf, nodeStat, openInode } from '../inode.ts';
import type { FileTree } from '../tree.ts';
import { HostNode, type Shared } from './node.ts';
import { Pace } from './pace.ts';

export interface DirectoryOptions {
  /** What error messages call it; its path by default. */
  readonly name?: string;
  readonly readXattrs?: ReadXattrs | undefined;
}

/**
 * Opens the directory at `path` as a tree. `path` is taken as it is: a symlink there is an error, the caller
 * resolves links first. Closing the tree closes the nodes that are still open.
 *
 * @throws PortableError FileNotFound and the like as open(2), InvalidArgs when it is not a directory, NotSupported
 *   when /proc is not mounted
 */
export async function openDirectory(
  path: string,
  budget: Budget,
  { name = path, readXattrs = readHostXattrs }: DirectoryOptions = {},
): Promise<FileTree> {
  await Promise.resolve();
  const { fd, stat } = openRoot(path);
  const shared: Shared = { budget, pace: new Pace(), readXattrs, open: new Set() };
  let closed = false;
  return {
    type: 'directory',
    name,
    async root() {
      await shared.pace.giveWay();
      return new HostNode(duplicateDirectory(fd), nodeStat(stat, 'directory'), name, shared);
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([...shared.open].map((node) => node.close()));
      closeSync(fd);
    },
  };
}

function openRoot(path: string): { fd: number; stat: BigIntStats } {
  let fd: number;
  try {
    fd = openInode(path);
  } catch (error) {
    throw fileError(error, 'open', path);
  }
  try {
    const stat = fstatSync(fd, { bigint: true });
    const kind = kindOf(stat);
    if (kind !== 'directory') {
      throw new PortableError('InvalidArgs', `${quoted(path)} is a ${kind}, not a directory`, { file: path });
    }
    checkProc(fd, stat, path);
    return { fd, stat };
  } catch (error) {
    closeSync(fd);
    throw fileError(error, 'open', path);
  }
}

/** Without /proc every entry would look as if it did not exist. */
function checkProc(fd: number, stat: BigIntStats, path: string): void {
  try {
    const same = statSync(descriptorPath(fd), { bigint: true });
    if (same.ino === stat.ino && same.dev === stat.dev) return;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  throw new PortableError('NotSupported', `cannot read ${quoted(path)}: /proc/self/fd does not work here`, {
    file: path,
    hint: 'mount /proc',
  });
}
