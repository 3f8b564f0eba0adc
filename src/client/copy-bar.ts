/** How far the copy of an image is, drawn on the terminal while it takes. */
import { basename } from 'node:path';

import { escapeControl } from '../base/errors.ts';
import type { CopyProgress } from '../portable/requests.ts';
import { progressBar, type Progress } from '../terminal/progress.ts';
import type { Terminal } from '../terminal/terminal.ts';
import type { Settings } from './command-line/settings.ts';

/** Told how far a copy is; undefined where nobody wants to know. */
export type Copying = ((copy: CopyProgress) => void) | undefined;

/** Does what may copy images, and draws how far that is. */
export type WatchCopies = <T>(work: (copying: Copying) => Promise<T>) => Promise<T>;

/** Draws on standard error, where that is a terminal and the person has not asked for quiet. */
export function watchingCopies({ quiet }: Settings, { stderr }: Terminal): WatchCopies {
  if (quiet || !stderr.canRedraw) return (work) => work(undefined);
  return async (work) => {
    let drawn: { readonly path: string; readonly bar: Progress } | undefined;
    try {
      return await work(({ path, done, total }) => {
        if (drawn?.path !== path) {
          drawn?.bar.end();
          const what = `Copying ${escapeControl(basename(path))}`;
          // whoever tells us has waited for a while already
          drawn = { path, bar: progressBar(stderr, what, total, { patience: 0 }) };
        }
        drawn.bar.update(BigInt(done));
      });
    } finally {
      drawn?.bar.end();
    }
  };
}
