/**
 * What is attached: one scan of a directory of attached units, reading the marker of each drop-in. The calls are
 * synchronous: a file of ours takes a few µs that way, ten times that through the thread pool, and the event loop is
 * given a turn in between.
 */
import { closeSync, constants, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf, fileError, messageOf, quoted } from '../base/errors.ts';
import { attachedDirectories, type HostPaths, type Lifetimes } from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { dropInName } from './drop-in.ts';
import { parseMarker } from './marker.ts';
import { portableUnitType } from './unit-name.ts';

/** One unit (or what is left of one) that an attachment put on the host. */
export interface AttachedUnit {
  readonly unit: string;
  /** The directory of attached units it is in, as seen from the host root. */
  readonly directory: string;
  /** A unit file is there; otherwise only its drop-in directory. */
  readonly hasUnitFile: boolean;
  /** The images its marker names, the root image first. */
  readonly images: readonly string[];
  /** The lines after the marker that begin with "#": notes of our own (image-links.ts). */
  readonly notes: readonly string[];
}

/** Where to look, and whom to tell. */
export interface ScanContext {
  readonly root: string;
  readonly paths: HostPaths;
  readonly log: Log;
}

/** Everything that is attached for good, or until the next boot. */
export async function scanLifetime(
  context: ScanContext,
  lifetime: keyof Lifetimes,
): Promise<readonly AttachedUnit[]> {
  return scanDirectories(context, presentDirectories(context, lifetime));
}

/**
 * The directories of attached units that are there, as seen from the host root: most of the time there is none, which
 * is all that many ask.
 */
export function presentDirectories(
  { root, paths }: ScanContext,
  lifetime: keyof Lifetimes,
): readonly string[] {
  return attachedDirectories(paths, lifetime).filter(
    (directory) => !isAbsent(resolvedOnDisk(root, directory)),
  );
}

/** All attached units of these directories. */
export async function scanDirectories(
  { root, log }: ScanContext,
  directories: readonly string[],
): Promise<readonly AttachedUnit[]> {
  const scans = directories.map((directory) => scanAttached(root, directory, log));
  return (await Promise.all(scans)).flat();
}

/** Asking is cheaper than the error of an attempt. Whatever else is wrong there is for whoever reads it to find. */
function isAbsent(onDisk: string): boolean {
  try {
    return statSync(onDisk, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

/** How many drop-ins are read before other work gets a turn. */
const batch = 128;

/**
 * All attached units of one directory, sorted by unit name. Entries that are not attachments, or that cannot be read,
 * are passed over: they affect only themselves.
 * @param root directory that stands for "/"
 */
async function scanAttached(root: string, directory: string, log: Log): Promise<readonly AttachedUnit[]> {
  const onDisk = resolvedOnDisk(root, directory);
  let names: readonly string[];
  try {
    names = readdirSync(onDisk);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(error, 'read the attached units in', directory);
  }
  const files = new Set(names);
  const units = names.filter((name) => name.endsWith('.d')).map((name) => name.slice(0, -'.d'.length));
  const result: AttachedUnit[] = [];
  const buffer = Buffer.allocUnsafe(headBytes);
  for (const [i, unit] of units.sort().entries()) {
    if (i % batch === batch - 1) await turn();
    if (portableUnitType(unit) === undefined) continue;
    const dropIn = `${directory}/${unit}.d/${dropInName}`;
    const head = readHead(root, dropIn, buffer, log);
    if (head === undefined) continue;
    const images = parseMarker(head.first);
    if (images === undefined) continue;
    result.push({ unit, directory, hasUnitFile: files.has(unit), images, notes: head.notes });
  }
  return result;
}

/** Enough for the marker of an image with a few extensions; read on only when it is not. */
const headBytes = 16 * 1024;
/** A longer first line cannot be a marker: 64 paths of PATH_MAX, each byte escaped. */
const maxHeadBytes = 64 * 4 * 4096;

/**
 * The first line of a drop-in and the comment lines right after it.
 * @param buffer of `headBytes`, for any use
 */
function readHead(
  root: string,
  file: string,
  buffer: Buffer,
  log: Log,
): { first: string; notes: readonly string[] } | undefined {
  let fd: number;
  try {
    fd = openSync(
      resolvedOnDisk(root, file, { followLast: false }),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
    );
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.warning(`passing over ${quoted(file)}: ${messageOf(error)}`);
    return undefined;
  }
  try {
    const text = readStart(fd, buffer).toString('latin1');
    const lines = text.split('\n');
    const notes = lines.slice(1);
    const end = notes.findIndex((line) => !line.startsWith('#'));
    return { first: lines[0] ?? '', notes: end < 0 ? notes : notes.slice(0, end) };
  } catch (error) {
    log.warning(`passing over ${quoted(file)}: ${messageOf(error)}`);
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** As much of the file as holds its first line. */
function readStart(fd: number, first: Buffer): Buffer {
  let buffer = first;
  let length = readSync(fd, buffer, 0, buffer.length, 0);
  while (length === buffer.length && !buffer.includes(0x0a) && length < maxHeadBytes) {
    buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
    length += readSync(fd, buffer, length, buffer.length - length, length);
  }
  return buffer.subarray(0, length);
}
