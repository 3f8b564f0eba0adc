/** The end of a transaction, whichever way it went: removes its temporary files. */

import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';

import { errnoOf, fileError, quoted } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { removeTree } from '../base/remove-tree.ts';
import type { Locatable, Located, Move } from './entries.ts';
import { isOwnArea, removeIfEmpty } from './moves.ts';
import type { Places } from './places.ts';
import { parseSlotName } from './slots.ts';

/** How many are removed before other work gets a turn. */
const batch = 128;

/** A file that is larger may take the disk some time to give its blocks back, in bytes. */
const largeFile = 1024 * 1024;

/** Removes what is left under the temporary names of these moves. @throws PortableError naming what would not go */
export async function removeSlots(moves: readonly Located<Locatable>[]): Promise<void> {
  for (const [i, { entry, staged, backup }] of moves.entries()) {
    if (i % batch === batch - 1) await turn();
    if (entry.op === 'put' || entry.op === 'swap') await removeSlot(staged);
    if (entry.op === 'swap' || entry.op === 'take') await removeSlot(backup);
    if (entry.op === 'rmdir') removeDirectory(backup);
  }
}

/**
 * Removes the directories that could not go before the temporary files in them, if nothing foreign is left there.
 * @param removed gets the moves that did something
 */
export function removeAreas(moves: readonly Move[], removed = new Set<Move>()): void {
  for (const move of moves) {
    if (!isOwnArea(move.entry)) continue;
    try {
      if (removeIfEmpty(move.target)) removed.add(move);
    } catch (error) {
      throw fileError(error, 'remove directory', move.entry.path);
    }
  }
}

/** Removes all temporary files of those transactions whose id is `wanted`. */
export async function removeLeftovers(
  places: Places,
  wanted: (id: string) => boolean,
  log: Log,
): Promise<void> {
  for (const area of places.areas()) {
    const directory = places.onDisk(area);
    for (const name of slotsIn(directory)) {
      if (!wanted(parseSlotName(name)?.id ?? '')) continue;
      await removeSlot(join(directory, name));
      log.notice(`removed ${quoted(`${area}/${name}`)}, left by an interrupted transaction`);
    }
  }
}

/** Whether a transaction keeps originals anywhere. */
export function hasBackups(id: string, places: Places): boolean {
  for (const area of places.areas()) {
    const slots = slotsIn(places.onDisk(area)).map(parseSlotName);
    if (slots.some((slot) => slot?.id === id && slot.kind === 'old')) return true;
  }
  return false;
}

/** Removes one temporary file or tree; missing is fine. */
async function removeSlot(path: string): Promise<void> {
  try {
    const { size, nlink } = lstatSync(path);
    if (size > largeFile && nlink === 1) await unlink(path);
    else unlinkSync(path); // a few µs, and a round trip through the thread pool takes a hundred times that
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    if (errnoOf(error) !== 'EISDIR') throw fileError(error, 'remove', path);
    await removeTree(path);
  }
}

/** Removes a directory that was taken away because it was empty. */
function removeDirectory(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fileError(error, 'remove', path);
  }
}

/** The temporary files in a directory; none where it does not exist, or others may not look. */
function slotsIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory);
    return names.filter((name) => parseSlotName(name) !== undefined);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(error) ?? '')) return [];
    throw fileError(error, 'look for leftovers in', directory);
  }
}
