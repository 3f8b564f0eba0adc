/** Transactions beside others: of other processes, some of which get killed, and beside the service manager. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { recover } from '../../src/transaction/recover.ts';
import { slotName } from '../../src/transaction/slots.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import {
  attached,
  environment,
  journalsIn,
  plan,
  plant,
  plantScenario,
  present,
} from '../support/transaction-host.ts';

const scratch = scratchDirectory('neighbours', '/dev/shm');

function contender(root: string, unit: string, rounds: number): ChildProcess {
  const program = path.join(import.meta.dirname, '../support/contender.ts');
  const args = ['--import', 'tsx', program, root, unit, String(rounds)];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('transactions', () => {
  it('of several processes at once never mix, though some are killed', async () => {
    const root = plantScenario(scratch, {
      plan: plan('attach'),
      plant: (at) => plant(at, { [`${attached}/foreign.service`]: 'foreign' }),
    });
    const before = present(root).filter((line) => !line.startsWith('/run'));
    const others = ['a.service', 'b.service'].map((unit) => once(contender(root, unit, 40), 'exit'));
    for (let kills = 0; kills < 6; kills++) {
      const victim = contender(root, 'victim.service', 1000);
      const exit = once(victim, 'exit');
      await once(victim.stdout!, 'data');
      await sleep(20 + kills * 17);
      victim.kill('SIGKILL');
      assert.deepEqual(await exit, [null, 'SIGKILL']);
    }
    for (const [status] of await Promise.all(others)) assert.equal(status, 0);
    await recover(environment(root));
    const found = present(root).filter((line) => !line.startsWith('/run'));
    const victims = found.filter((line) => line.includes('victim'));
    assert.ok(victims.length === 0 || victims.length === 4, victims.join('\n'));
    assert.deepEqual(
      found.filter((line) => !line.includes('victim')),
      before,
    );
    assert.deepEqual(journalsIn(root), []);
  });

  it('have temporary files that the service manager does not see', () => {
    const root = path.join(scratch, 'systemd');
    const directory = path.join(root, attached);
    mkdirSync(directory, { recursive: true });
    const names = [
      'seen.service',
      ...[0, 1].flatMap((i) => [
        slotName('0123456789abcdef', i, 'new'),
        slotName('0123456789abcdef', i, 'old'),
      ]),
    ];
    for (const name of names) writeFileSync(path.join(directory, name), '[Service]\nExecStart=/bin/true\n');
    const listed = runSync('systemctl', ['--root', root, 'list-unit-files', '--no-legend', '--no-pager']);
    assert.deepEqual(listed.trim().split(/\s+/)[0], 'seen.service');
    assert.equal(listed.trim().split('\n').length, 1);
  });
});
