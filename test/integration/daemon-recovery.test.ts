import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '../../src/dbus/connection.ts';
import { bundledDaemon, manager, poolImage, sandboxRoot, start, waitForName } from '../support/daemon.ts';
import { startBus } from '../support/private-bus.ts';
import { snapshot } from '../support/snapshot.ts';

const journalDirectory = 'var/lib/portabled/transactions';

const program = await bundledDaemon();
const bus = await startBus();
const client = await connect({ address: bus.address });

/** A root with an image that takes a while to attach. */
function busyRoot(): string {
  const root = sandboxRoot();
  poolImage(root, 'big', 120);
  mkdirSync(join(root, 'etc/systemd'));
  return root;
}

/** What is in the places that attaching changes, without our own bookkeeping. */
function changed(root: string): readonly string[] {
  return snapshot(join(root, 'etc'));
}

function journals(root: string): readonly string[] {
  const directory = join(root, journalDirectory);
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** There is a journal that says something: while it is empty, nothing has been changed that could be taken back. */
function hasWrittenJournal(root: string): boolean {
  const directory = join(root, journalDirectory);
  return journals(root).some((name) => {
    const found = statSync(join(directory, name), { throwIfNoEntry: false });
    return found !== undefined && found.size > 0;
  });
}

/** Kills a daemon in the middle of an attach. @returns a root with a journal of an interrupted transaction */
async function interrupted(): Promise<{ root: string; before: readonly string[] }> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const root = busyRoot();
    const before = changed(root);
    const daemon = start([...program, '--bus', bus.address, '--root', root]);
    await waitForName(client);
    const call = client.call({ ...manager, member: 'AttachImage' }, 'sassbs', ['big', [], '', false, 'copy']);
    call.catch(() => undefined);
    const end = performance.now() + 10_000;
    while (!hasWrittenJournal(root) && performance.now() < end) await sleep(1);
    await sleep(attempt % 4);
    daemon.kill('SIGKILL');
    await daemon.ended;
    await waitForName(client, false);
    if (hasWrittenJournal(root)) return { root, before };
  }
  throw new Error('no attach could be interrupted');
}

/** What the log says: of a transaction, of a journal that was cut short, or of staged files without a journal. */
const ended =
  /^portabled: (the interrupted attach of '.*' was ended: (rolled-back|completed)|the interrupted transaction of '.*' was ended: nothing-done|removed '.*', left by an interrupted transaction)$/m;

/** Everything of the attach is there, or nothing. */
function assertWhole(root: string, before: readonly string[]): void {
  const now = changed(root);
  const directory = join(root, 'etc/systemd/system.attached');
  const units = existsSync(directory)
    ? readdirSync(directory).filter((name) => name.endsWith('.service'))
    : [];
  if (units.length === 120) assert.equal(readdirSync(directory).length, 240);
  else assert.deepEqual(now, before);
}

describe('what a killed daemon left behind', () => {
  it('is ended by --recover, without a bus', async () => {
    const { root, before } = await interrupted();
    const recover = start([...program, '--recover', '--root', root]);
    assert.equal(await recover.ended, 0, recover.stderr());
    assert.match(recover.stderr(), ended);
    assert.deepEqual(journals(root), []);
    assertWhole(root, before);
    const again = start([...program, '--recover', '--root', root]);
    assert.equal(await again.ended, 0);
    assert.equal(again.stderr(), '');
  });

  it('is ended by the next daemon, before anybody sees it', async () => {
    const { root, before } = await interrupted();
    const daemon = start([...program, '--bus', bus.address, '--root', root]);
    await waitForName(client);
    assert.deepEqual(journals(root), []);
    assertWhole(root, before);
    daemon.kill('SIGTERM');
    assert.equal(await daemon.ended, 0);
    assert.match(daemon.stderr(), ended);
  });
});
