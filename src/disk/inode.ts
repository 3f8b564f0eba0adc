/**
 * Opening files of the host that may be swapped under our feet. An inode is opened once, without following a
 * symlink and without side effects (O_PATH, open(2)); everything after that goes through the descriptor, by way of
 * its link in /proc/self/fd (proc_pid_fd(5)), since Node has no openat(2). All calls are synchronous: on a local
 * file system each takes a few µs, where a round trip through the thread pool takes ten times that.
 */
import { type BigIntStats, constants, openSync } from 'node:fs';
import { deviceNumber } from '../base/device.ts';
import { kindOfMode } from './node-kind.ts';
import type { NodeKind, NodeStat } from './tree.ts';

/** open(2): the inode only. Neither reads a link, nor waits for a FIFO's writer, nor wakes a device. */
const O_PATH = 0o10000000;

/** A path that leads to the very file that `fd` is open on, whatever has happened to its name. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * A descriptor of the inode at `path`, of any kind, symlinks included; it can be stat'ed and searched, not read.
 * @throws the errno of open(2)
 */
export function openInode(path: string | Buffer): number {
  return openSync(path, O_PATH | constants.O_NOFOLLOW);
}

/** One more descriptor of the directory that `fd` is open on. */
export function duplicateDirectory(fd: number): number {
  return openSync(descriptorPath(fd), O_PATH | constants.O_DIRECTORY);
}

/** A path to the entry `name` of the directory that `fd` is open on. */
export function pathAt(fd: number, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${descriptorPath(fd)}/`), name]);
}

/**
 * A descriptor to read from, of the inode that `fd` is open on. Only for what fstat(2) on `fd` called a regular
 * file or a block device.
 * @throws the errno of open(2): EACCES when the file may not be read
 */
export function reopenForReading(fd: number): number {
  return openSync(descriptorPath(fd), constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
}

/** The kind of an inode, from its st_mode; inode(7). */
export function kindOf(stat: BigIntStats): NodeKind {
  const kind = kindOfMode(Number(stat.mode));
  if (kind === undefined)
    throw new Error(`stat(2) returned the unknown file type 0o${stat.mode.toString(8)}`);
  return kind;
}

/** Node's stat(2) result as a tree reports it. */
export function nodeStat(stat: BigIntStats, kind: NodeKind): NodeStat {
  const isDevice = kind === 'character' || kind === 'block';
  return {
    kind,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: kind === 'file' || kind === 'symlink' ? stat.size : 0n,
    inode: stat.ino,
    links: Number(stat.nlink),
    mtime: secondsOf(stat.mtimeNs),
    ...(isDevice ? { device: deviceNumber(stat.rdev) } : {}),
  };
}

/** Nanoseconds as whole seconds, rounded down (also before 1970). */
function secondsOf(nanoseconds: bigint): bigint {
  const seconds = nanoseconds / 1_000_000_000n;
  return nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? seconds - 1n : seconds;
}
