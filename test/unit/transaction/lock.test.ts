import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { FileLock } from '../../../src/transaction/lock.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('lock');
let count = 0;
const newPath = () => path.join(scratch, String(++count), 'lock');

/** Another process that holds the lock. */
async function holder(file: string): Promise<ChildProcess> {
  const program = path.join(import.meta.dirname, '../../support/lock-holder.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

async function gone(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

describe('the lock', () => {
  it('creates its file and directory', async () => {
    const file = newPath();
    await (
      await new FileLock(file).acquire()
    )();
    assert.equal(statSync(file).mode & 0o777, 0o600);
  });

  it('is held by one at a time, in this process too', async () => {
    const lock = new FileLock(newPath());
    let holders = 0;
    const use = async () => {
      const unlock = await lock.acquire();
      assert.equal(++holders, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      holders--;
      await unlock();
    };
    await Promise.all(Array.from({ length: 10 }, use));
  });

  it('keeps others of the same file out: another object, another process', async () => {
    const file = newPath();
    const first = await new FileLock(file).acquire();
    await failsWith(new FileLock(file, { waitSeconds: 0.05 }).acquire(), 'Busy', /for 0.05 s .*fuser/);
    await first();
    const other = await holder(newPathOf(file, 'other'));
    const wants = new FileLock(newPathOf(file, 'other'), { waitSeconds: 0.05 });
    await failsWith(wants.acquire(), 'Busy', /another process/);
    other.stdin?.end();
    await gone(other);
    await (
      await wants.acquire()
    )();
  });

  it('is free again when its holder is killed', async () => {
    const file = newPath();
    const other = await holder(file);
    const waiting = new FileLock(file, { waitSeconds: 20 }).acquire();
    other.kill('SIGKILL');
    await (
      await waiting
    )();
    await gone(other);
  });

  it('waits until the holder is done', async () => {
    const file = newPath();
    const other = await holder(file);
    let got = false;
    const waiting = new FileLock(file, { waitSeconds: 20 })
      .acquire()
      .then((unlock) => ((got = true), unlock));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(got, false);
    other.stdin?.end();
    await (
      await waiting
    )();
    await gone(other);
  });

  it('stays locked for a moment after a change, and then is free for others', async () => {
    const file = newPath();
    const lock = new FileLock(file, { lingerMs: 100 });
    await (
      await lock.acquire()
    )();
    await failsWith(new FileLock(file, { waitSeconds: 0.01 }).acquire(), 'Busy', /another process/);
    await (
      await lock.acquire()
    )();
    await (
      await new FileLock(file, { waitSeconds: 10 }).acquire()
    )();
  });

  it('stops waiting on abort, for this process and for others, and leaks no descriptor', async () => {
    const file = newPath();
    const lock = new FileLock(file, { lingerMs: 0 });
    const unlock = await lock.acquire();
    const abort = new AbortController();
    const inside = lock.acquire(abort.signal);
    const outside = new FileLock(file).acquire(abort.signal);
    setTimeout(() => abort.abort(), 30);
    await failsWith(inside, 'Cancelled', /while waiting/);
    await failsWith(outside, 'Cancelled', /while waiting/);
    await unlock();
    await (
      await lock.acquire()
    )();
    assert.deepEqual(
      openFiles().filter((name) => name === file),
      [],
    );
  });

  it('names the file when it cannot be opened', async () => {
    await failsWith(
      new FileLock('/proc/none/lock').acquire(),
      'FileNotFound',
      /create directory '\/proc\/none'/,
    );
  });
});

function newPathOf(file: string, name: string): string {
  return path.join(path.dirname(file), name);
}

/** The files this process has open. */
function openFiles(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor that listed the directory
    }
  });
}
