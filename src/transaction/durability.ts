/** fsync(2), where it means something, and as few waits for the disk as possible. */

import { closeSync, fsync, openSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import { mapConcurrently } from '../base/concurrent.ts';
import { errnoOf, fileError, quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';
import type { Move } from './entries.ts';

/** File systems that do not outlive a power loss: TMPFS_MAGIC and RAMFS_MAGIC of statfs(2). */
const volatileTypes = new Set([0x01021994, 0x858458f6]);

/** Node's thread pool has four threads; the journalling file systems put what arrives together in one commit. */
const parallel = 4;

/** A file under a temporary name, or any other. */
export interface FileToSync {
  readonly onDisk: string;
  /** What errors call it. */
  readonly path: string;
}

export interface ToSync {
  /** Regular files, for their content. */
  readonly files?: readonly FileToSync[];
  /** Whole trees (copied images). */
  readonly trees?: readonly FileToSync[];
  /** Directories, for their entries; those that are gone meanwhile are passed over. */
  readonly directories?: Iterable<string>;
}

/** Remembers which directories are on a disk. One per transaction. */
export class Durability {
  readonly #lasting = new Map<string, boolean>();

  /**
   * Resolves when everything given would survive a power loss.
   * @throws PortableError (IOError …) naming the file
   */
  async sync(what: ToSync): Promise<void> {
    const tasks = [
      ...(what.files ?? []).map((file) => ({ at: dirname(file.onDisk), sync: () => syncFile(file) })),
      ...(what.trees ?? []).map((tree) => ({ at: dirname(tree.onDisk), sync: () => syncTree(tree) })),
      ...[...new Set(what.directories)].map((at) => ({ at, sync: () => syncDirectory(at) })),
    ];
    await mapConcurrently(tasks, parallel, async ({ at, sync }) => {
      if (this.#isLasting(at)) await sync();
    });
  }

  #isLasting(directory: string): boolean {
    const known = this.#lasting.get(directory) ?? isLasting(directory);
    this.#lasting.set(directory, known);
    return known;
  }
}

/** The directories whose entries the moves change, on disk. */
export function changedDirectories(moves: Iterable<Move>): readonly string[] {
  return [...moves].flatMap(({ entry, target }) =>
    entry.op === 'mkdir' ? [dirname(target), target] : [dirname(target)],
  );
}

function isLasting(directory: string): boolean {
  try {
    return !volatileTypes.has(statfsSync(directory).type);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fileError(error, 'look at the file system of', directory);
  }
}

async function syncFile({ onDisk, path }: FileToSync): Promise<void> {
  try {
    const file = openSync(onDisk, 'r');
    try {
      await promisify(fsync)(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError(error, 'write to disk', path);
  }
}

async function syncDirectory(onDisk: string): Promise<void> {
  try {
    await syncFile({ onDisk, path: onDisk });
  } catch (error) {
    if (errnoOf((error as Error).cause) !== 'ENOENT') throw error;
  }
}

/** Every file of a tree, by one syncfs(2) instead of a walk. */
async function syncTree({ onDisk, path }: FileToSync): Promise<void> {
  await runTool('sync', ['-f', '--', onDisk], { doing: `write ${quoted(path)} to disk`, file: path });
}
