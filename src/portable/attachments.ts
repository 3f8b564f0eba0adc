/**
 * What is attached: one scan of a directory of attached units, reading the marker of each drop-in. The calls are
 * synchronous: a file of ours takes a few µs that way, ten times that through the thread pool, and the event loop is
 * given a turn in between.
 */
import { closeSync, constants, lstatSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { errnoOf, fileError, messageOf, quoted } from '../base/errors.ts';
import { attachedDirectories, type HostPaths, type Lifetimes } from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { Unchanged } from '../base/unchanged.ts';
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

/** What one scan has read, for the next: good as long as it is unchanged. */
export class ScanMemory {
  readonly listings = new Unchanged<Listing>();
}

interface Listing {
  readonly files: ReadonlySet<string>;
  /** Those that have a drop-in directory, sorted. */
  readonly units: readonly string[];
  /** How the drop-in of each begins, by its path. */
  readonly heads: Unchanged<Head>;
}

interface Head {
  /** undefined: the first line is no marker. */
  readonly images: readonly string[] | undefined;
  readonly notes: readonly string[];
}

/** A directory of attached units. */
export interface AttachedDirectory {
  /** As seen from the host root. */
  readonly path: string;
  readonly onDisk: string;
  /** undefined: they cannot be had, and whoever reads it will find out why. */
  readonly facts: Stats | undefined;
}

/** Everything that is attached for good, or until the next boot, read anew: for those who will change it. */
export async function scanLifetime(
  context: ScanContext,
  lifetime: keyof Lifetimes,
): Promise<readonly AttachedUnit[]> {
  return scanDirectories(context, presentDirectories(context, lifetime));
}

/** The directories of attached units that are there: most of the time there is none, which is all that many ask. */
export function presentDirectories(
  { root, paths }: ScanContext,
  lifetime: keyof Lifetimes,
): readonly AttachedDirectory[] {
  const present: AttachedDirectory[] = [];
  for (const path of attachedDirectories(paths, lifetime)) {
    const onDisk = resolvedOnDisk(root, path);
    const facts = factsOf(onDisk);
    if (facts !== 'absent') present.push({ path, onDisk, facts });
  }
  return present;
}

/** Asking is cheaper than the error of an attempt. */
function factsOf(onDisk: string): Stats | 'absent' | undefined {
  try {
    return statSync(onDisk, { throwIfNoEntry: false }) ?? 'absent';
  } catch {
    return undefined;
  }
}

/**
 * All attached units of these directories.
 * @param memory of earlier scans; without it everything is read
 */
export async function scanDirectories(
  context: ScanContext,
  directories: readonly AttachedDirectory[],
  memory?: ScanMemory,
): Promise<readonly AttachedUnit[]> {
  const scans = directories.map((directory) => scanAttached(context, directory, memory));
  return (await Promise.all(scans)).flat();
}

/** How many drop-ins are read before other work gets a turn. */
const batch = 128;

/**
 * All attached units of one directory, sorted by unit name. Entries that are not attachments, or that cannot be read,
 * are passed over: they affect only themselves.
 */
async function scanAttached(
  context: ScanContext,
  directory: AttachedDirectory,
  memory: ScanMemory | undefined,
): Promise<readonly AttachedUnit[]> {
  const { files, units, heads } =
    memory?.listings.get(directory.path, directory.facts, (before) => list(directory, before)) ??
    list(directory);
  const result: AttachedUnit[] = [];
  // one for all, and none where everything is remembered
  let scratch: Buffer | undefined;
  const read = (onDisk: string): Head => readHead(onDisk, (scratch ??= Buffer.allocUnsafe(headBytes)));
  for (const [i, unit] of units.entries()) {
    if (i % batch === batch - 1) await turn();
    const head = headOf(context, dropInOf(directory.path, unit), read, memory && heads);
    if (head?.images === undefined) continue;
    const { images, notes } = head;
    result.push({ unit, directory: directory.path, hasUnitFile: files.has(unit), images, notes });
  }
  return result;
}

function list({ path, onDisk }: AttachedDirectory, before?: Listing): Listing {
  const names = namesIn(path, onDisk);
  const units = names
    .filter((name) => name.endsWith('.d'))
    .map((name) => name.slice(0, -'.d'.length))
    .filter((unit) => portableUnitType(unit) !== undefined)
    .sort();
  const heads = before?.heads ?? new Unchanged<Head>();
  heads.keepOnly(new Set(units.map((unit) => dropInOf(path, unit))));
  return { files: new Set(names), units, heads };
}

function dropInOf(directory: string, unit: string): string {
  return `${directory}/${unit}.d/${dropInName}`;
}

function namesIn(directory: string, onDisk: string): readonly string[] {
  try {
    return readdirSync(onDisk);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(error, 'read the attached units in', directory);
  }
}

/**
 * How a drop-in begins; undefined where there is none, or none that can be read.
 * @param heads what is remembered of them
 */
function headOf(
  { root, log }: ScanContext,
  dropIn: string,
  read: (onDisk: string) => Head,
  heads: Unchanged<Head> | undefined,
): Head | undefined {
  try {
    const onDisk = resolvedOnDisk(root, dropIn, { followLast: false });
    if (heads === undefined) return read(onDisk);
    const facts = lstatSync(onDisk, { throwIfNoEntry: false });
    return facts && heads.get(dropIn, facts, () => read(onDisk));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.warning(`passing over ${quoted(dropIn)}: ${messageOf(error)}`);
    return undefined;
  }
}

const newline = 0x0a;
const numberSign = 0x23;

/** Enough for the marker of an image with a few extensions; read on only when it is not. */
const headBytes = 16 * 1024;
/** A longer first line cannot be a marker: 64 paths of PATH_MAX, each byte escaped. */
const maxHeadBytes = 64 * 4 * 4096;

/**
 * The first line of a drop-in and the comment lines right after it.
 * @param buffer of `headBytes`, for any use
 * @throws file-system errors
 */
function readHead(onDisk: string, buffer: Buffer): Head {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const fd = openSync(onDisk, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  try {
    const start = readStart(fd, buffer);
    const [first = '', ...notes] = start.toString('latin1', 0, headLength(start)).split('\n');
    return { images: parseMarker(first), notes };
  } finally {
    closeSync(fd);
  }
}

/** Of a file that begins so, in bytes: what is remembered should not keep the rest of it in memory. */
function headLength(start: Buffer): number {
  let end = start.indexOf(newline);
  while (end >= 0 && start[end + 1] === numberSign) end = start.indexOf(newline, end + 1);
  return end < 0 ? start.length : end;
}

/** As much of the file as holds its first line. */
function readStart(fd: number, first: Buffer): Buffer {
  let buffer = first;
  let length = readSync(fd, buffer, 0, buffer.length, 0);
  while (length === buffer.length && !buffer.includes(newline) && length < maxHeadBytes) {
    buffer = Buffer.concat([buffer, Buffer.allocUnsafe(buffer.length)]);
    length += readSync(fd, buffer, length, buffer.length - length, length);
  }
  return buffer.subarray(0, length);
}
