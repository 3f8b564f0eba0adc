/**
 * The power fails during a transaction, on the file systems people have: what the disk holds at that moment is the
 * host before or the host after, once somebody has recovered it. And when a transaction has said that it is done,
 * it stays done. Needs root, for loop mounts.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { scratchDirectory } from '../support/scratch.ts';

describe('power loss', { concurrency: true }, () => {
  const program = path.join(import.meta.dirname, '../support/power-loss.ts');
  for (const type of ['ext4', 'xfs', 'btrfs']) {
    const directory = scratchDirectory(`power-${type}`, '/dev/shm');
    it(`on ${type}: the host before, or the host after`, async () => {
      const node = [process.execPath, '--import', 'tsx', program, type, directory];
      const { stdout } = await promisify(execFile)('unshare', ['--mount', '--', ...node]);
      assert.ok(Number(stdout) > 30, `${stdout.trim()} crashes tried`);
    });
  }
});
