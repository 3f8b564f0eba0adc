/** What the log, and who watches, are told while a large image is copied. */
import { readFileSync } from 'node:fs';

import { errnoOf, quoted } from '../base/errors.ts';
import type { CopyContext, ImageCopy } from './copy-image.ts';

const defaultIntervalMs = 5000;
/** For who watches: how long a copy takes before it is worth a word, and how often there is one, ms. */
const [watchAfterMs, watchEveryMs] = [500, 200];

export interface CopyReport {
  /** To be told the process that copies. */
  readonly started: (pid: number) => void;
  readonly end: () => void;
}

/**
 * Reports how far a copy is, every few seconds while it lasts, and more often to who watches; short copies are none of
 * their business.
 * @param total bytes, where known
 */
export function reportCopy(
  { source, path }: ImageCopy,
  total: number | undefined,
  { log, copying, copyReportMs = defaultIntervalMs }: CopyContext,
): CopyReport {
  let pid: number | undefined;
  const began = performance.now();
  const report = (): void => {
    const done = pid === undefined ? undefined : writtenBytes(pid);
    const seconds = Math.round((performance.now() - began) / 1000);
    log.info(`copying ${quoted(source)} to ${quoted(path)}: ${inWords(done, total)} after ${seconds} s`, {
      PORTABLE_COPY_SOURCE: source,
      PORTABLE_COPY_TARGET: path,
      ...(done === undefined ? {} : { PORTABLE_COPY_BYTES: String(done) }),
      ...(total === undefined ? {} : { PORTABLE_COPY_TOTAL_BYTES: String(total) }),
    });
  };
  const tell = (): void => {
    if (performance.now() - began < watchAfterMs) return;
    const done = pid === undefined ? undefined : writtenBytes(pid);
    if (done !== undefined) copying?.({ path, done, total });
  };
  const timers = [
    setInterval(report, copyReportMs),
    ...(copying === undefined ? [] : [setInterval(tell, watchEveryMs)]),
  ];
  return { started: (of) => (pid = of), end: () => timers.forEach((timer) => clearInterval(timer)) };
}

/** "1200 of 4096 MB (29%)", as far as known. */
function inWords(done: number | undefined, total: number | undefined): string {
  const mega = (bytes: number): number => Math.round(bytes / 1e6);
  if (done === undefined) return total === undefined ? 'under way' : `${mega(total)} MB under way`;
  if (total === undefined || total === 0) return `${mega(done)} MB`;
  const shown = Math.min(done, total);
  return `${mega(shown)} of ${mega(total)} MB (${Math.floor((shown / total) * 100)}%)`;
}

/** The bytes a process has written so far, those copied within the kernel included (proc_pid_io(5), wchar). */
function writtenBytes(pid: number): number | undefined {
  try {
    const found = /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'));
    return found === null ? undefined : Number(found[1]);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined; // it has ended, or nobody may look
  }
}
