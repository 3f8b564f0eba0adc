/**
 * What was read of files, good for as long as the file system says that they have not been changed since: asking that
 * takes less than half the time that reading a small file takes. docs/decisions/remembered-markers.md says why it is safe.
 */
import type { Stats } from 'node:fs';

/**
 * A file changed less than this many ms before it was read may be changed again with the same time of change: clocks
 * of file systems go in steps, the longest (FAT's) of two seconds.
 */
const settlesAfterMs = 2000;

interface Kept<T> {
  /** undefined: it has not settled. */
  readonly facts: Stats | undefined;
  readonly value: T;
}

export class Unchanged<T> {
  readonly #kept = new Map<string, Kept<T>>();

  /**
   * What `read` returned for `key`, as long as nothing has changed.
   * @param facts of the file (or directory) as it was before this call; undefined when they could not be had
   * @param read given what was kept before, perhaps out of date; when it throws, nothing is
   */
  get(key: string, facts: Stats | undefined, read: (before: T | undefined) => T): T {
    const kept = this.#kept.get(key);
    if (kept?.facts !== undefined && facts !== undefined && isSame(kept.facts, facts)) return kept.value;
    const settled = facts !== undefined && isSettled(facts, Date.now()) ? facts : undefined;
    const value = read(kept?.value);
    this.#kept.set(key, { facts: settled, value });
    return value;
  }

  /** Forgets all others. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#kept.keys()) if (!keys.has(key)) this.#kept.delete(key);
  }
}

/** Nobody sets the time of change, short of the system's clock; the others tell a file from another that has taken its place. */
function isSame(one: Stats, other: Stats): boolean {
  return (
    one.ctimeMs === other.ctimeMs &&
    one.mtimeMs === other.mtimeMs &&
    one.ino === other.ino &&
    one.dev === other.dev &&
    one.size === other.size
  );
}

function isSettled({ ctimeMs, mtimeMs }: Stats, now: number): boolean {
  return now - Math.max(ctimeMs, mtimeMs) >= settlesAfterMs;
}
