/** An installation that is ended by a signal before it has begun to put files in place. Needs `npm run build`. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { start } from '../support/daemon.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** How far it is, by what is in the directory for temporary files. */
const moments: Readonly<Record<string, (names: readonly string[], directory: string) => boolean>> = {
  'while it copies': (names) => names.length > 0,
  'while it starts the bus': (names) => names.some((name) => name.startsWith('portabled-install-')),
  'while the daemon runs for it': (names, directory) =>
    names.some((name) => existsSync(join(directory, name, 'root/run/portabled'))),
};

describe('an installation that is ended', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    for (const [moment, isReached] of Object.entries(moments).slice(signal === 'SIGTERM' ? 0 : -1)) {
      it(`by ${signal} ${moment} leaves nothing`, async () => {
        const temporary = scratchDirectory('tmp');
        const root = scratchDirectory('destdir');
        const program = new URL('../../src/install/main.ts', import.meta.url).pathname;
        const words = ['install', '--destdir', root];
        const run = start([process.execPath, '--import', 'tsx', program, ...words], { TMPDIR: temporary });
        const end = performance.now() + 30_000;
        while (!isReached(ownNames(temporary), temporary)) {
          assert.ok(performance.now() < end, run.stderr());
          await sleep(2);
        }
        run.kill(signal);
        assert.equal(await run.ended, signal, run.stderr());
        assert.deepEqual(ownNames(temporary), []);
        assert.deepEqual(readdirSync(root), []);
        assert.deepEqual(processesIn(temporary), []);
      });
    }
  }
});

/** tsx has its cache there, too. */
function ownNames(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => name.startsWith('portabled-'));
}

/** Command lines that name the directory. */
function processesIn(directory: string): readonly string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
    } catch {
      return '';
    }
  });
  return lines.filter((line) => line.includes(directory));
}
