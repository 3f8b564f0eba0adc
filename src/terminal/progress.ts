/** A bar that grows while something long goes on; only on terminals, and only when it takes long enough to wonder. */
import type { Output } from './terminal.ts';
import { formatSize } from './sizes.ts';
import { cut, displayWidth } from './width.ts';

export interface Progress {
  /** Bytes done so far. */
  update(done: bigint): void;
  /** Takes the bar off the screen. */
  end(): void;
}

export interface ProgressOptions {
  /** Milliseconds before the bar appears. */
  readonly patience?: number;
  /** A clock in milliseconds. */
  readonly now?: () => number;
}

const defaultPatience = 500;
/** Milliseconds between two pictures. */
const interval = 100;
const leastBar = 10;
const assumedColumns = 80;
const eraseLine = '\r\u001b[K';

/**
 * @param what is going on, in a few words
 * @param total bytes; undefined where nobody knows
 */
export function progressBar(
  output: Output,
  what: string,
  total: bigint | number | undefined,
  { patience = defaultPatience, now = () => performance.now() }: ProgressOptions = {},
): Progress {
  if (!output.canRedraw) return { update: () => undefined, end: () => undefined };
  const all = total === undefined ? undefined : BigInt(total);
  const started = now();
  let shown = -Infinity;
  return {
    update: (done) => {
      const time = now();
      if (time - started < patience || time - shown < interval) return;
      shown = time;
      output.write(eraseLine + picture(what, done, all, output.columns ?? assumedColumns));
    },
    end: () => {
      if (shown !== -Infinity) output.write(eraseLine);
    },
  };
}

/** "Copying foo [#####-----]  50% 1.2G of 2.4G" in one line of the terminal. */
function picture(what: string, done: bigint, total: bigint | undefined, columns: number): string {
  // the last cell stays free: some terminals wrap when it is written to
  const room = columns - 1;
  if (total === undefined || total === 0n) return cut(`${what} ${formatSize(done)}`, room);
  const part = done > total ? 1 : Number((done * 1000n) / total) / 1000;
  const tail = `${String(Math.floor(part * 100)).padStart(3)}% ${formatSize(done)} of ${formatSize(total)}`;
  const bar = room - displayWidth(what) - displayWidth(tail) - 4;
  if (bar < leastBar) return cut(`${what} ${tail}`, room);
  const filled = Math.floor(bar * part);
  return `${what} [${'#'.repeat(filled)}${'-'.repeat(bar - filled)}] ${tail}`;
}
