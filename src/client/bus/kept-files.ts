/**
 * Whether a large file has the bytes that it had before, although nobody read it before: it is kept open, so that what
 * it was can still be read when something else has taken its place. Memory is constant, and nothing is read until then.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

export interface KeptFiles {
  /**
   * Files at one path that have the same bytes get the same number. A file that was written to where it is counts as
   * another one: what it was is gone.
   * @throws a system error where it cannot be read
   */
  readonly number: (path: string) => number;
  readonly close: () => void;
}

interface Kept {
  readonly fd: number;
  /** Which file it is, and when it was written to last. */
  readonly file: string;
  readonly written: bigint;
  readonly size: bigint;
}

export function keptFiles(): KeptFiles {
  const paths = new Map<string, Kept[]>();
  return {
    number: (path) => {
      const known = paths.get(path) ?? [];
      paths.set(path, known);
      const now = open(path);
      const number = known.findIndex((then) => isSame(then, now));
      if (number < 0) return known.push(now) - 1;
      closeSync(now.fd);
      return number;
    },
    close: () => {
      for (const { fd } of [...paths.values()].flat()) closeSync(fd);
      paths.clear();
    },
  };
}

function open(path: string): Kept {
  const fd = openSync(
    path,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY,
  );
  const { dev, ino, mtimeNs, size } = fstatSync(fd, { bigint: true });
  return { fd, file: `${dev}:${ino}`, written: mtimeNs, size };
}

function isSame(then: Kept, now: Kept): boolean {
  if (then.size !== now.size) return false;
  return then.file === now.file ? then.written === now.written : sameBytes(then.fd, now.fd);
}

const chunkBytes = 1024 * 1024;

function sameBytes(one: number, other: number): boolean {
  const [a, b] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
  for (let offset = 0; ;) {
    const length = readSync(one, a, 0, chunkBytes, offset);
    if (length === 0) return readSync(other, b, 0, 1, offset) === 0;
    for (let got = 0; got < length;) {
      const more = readSync(other, b, got, length - got, offset + got);
      if (more === 0) return false;
      got += more;
    }
    if (a.compare(b, 0, length, 0, length) !== 0) return false;
    offset += length;
  }
}
