import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import type { Log } from '../../../src/base/log.ts';
import { silentLog } from '../../../src/base/log.ts';
import { apply } from '../../../src/transaction/apply.ts';
import { locate, identityOf, look, type Entry } from '../../../src/transaction/entries.ts';
import { encodeJournal } from '../../../src/transaction/journal-format.ts';
import type { Direction } from '../../../src/transaction/journal.ts';
import { doMove } from '../../../src/transaction/moves.ts';
import { Places } from '../../../src/transaction/places.ts';
import { recover } from '../../../src/transaction/recover.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import {
  attached,
  environment,
  journalDirectory,
  plan,
  plant,
  plantScenario,
  present,
  step,
  unitSteps,
} from '../../support/transaction-host.ts';

const scratch = scratchDirectory('recover');
const id = '00112233445566aa';
const slot = (index: number, kind: string) => `.#portabled-${id}-${index}.${kind}`;

function host(content: Parameters<typeof plant>[1] = {}): string {
  return plantScenario(scratch, { plan: plan('attach'), plant: (root) => plant(root, content) });
}

/** Leaves a journal as a dead process would. */
function leaveJournal(root: string, name: string, content: string | Buffer): string {
  mkdirSync(journalDirectory(root), { recursive: true });
  const at = path.join(journalDirectory(root), name);
  writeFileSync(at, content);
  return at;
}

function recordingLog(lines: string[]): Log {
  const record = (level: string) => (message: string) => {
    lines.push(`${level}: ${message}`);
  };
  return { ...silentLog, notice: record('notice'), warning: record('warning'), error: record('error') };
}

/**
 * A transaction that died after `made` of its moves: replaces "swapped", puts "put" and takes "taken" away, each
 * with the content "new" or "old".
 */
function interrupted(direction: Direction, made: number): string {
  const root = host({ [`${attached}/swapped`]: 'old', [`${attached}/taken`]: 'old' });
  const at = (name: string) => path.join(root, attached, name);
  for (const index of [0, 1]) writeFileSync(at(slot(index, 'new')), 'new');
  const identity = (name: string) => identityOf(look(at(name))!);
  const entries: Entry[] = [
    {
      op: 'swap',
      path: `${attached}/swapped`,
      area: attached,
      form: 'file',
      ours: identity(slot(0, 'new')),
      before: identity('swapped'),
    },
    { op: 'put', path: `${attached}/put`, area: attached, form: 'file', ours: identity(slot(1, 'new')) },
    { op: 'take', path: `${attached}/taken`, area: attached, before: identity('taken') },
  ];
  leaveJournal(root, `${id}.${direction}`, encodeJournal({ id, kind: 'reattach', subject: 'x', entries }));
  const moves = locate(entries, id, Places.open(root, [attached]));
  for (const move of moves.slice(0, made)) doMove(move);
  return root;
}

/** The files and their content. */
function files(root: string): Record<string, string> {
  const directory = path.join(root, attached);
  return Object.fromEntries(
    readdirSync(directory).map((name) => [name, readFileSync(path.join(directory, name), 'utf8')]),
  );
}

const old = { swapped: 'old', taken: 'old' };
const complete = { put: 'new', swapped: 'new' };

describe('recovery', () => {
  for (const made of [0, 1, 2, 3]) {
    it(`takes back what was not decided, after ${made} of 3 moves`, async () => {
      const root = interrupted('undo', made);
      const [only] = await recover(environment(root));
      assert.equal(only?.outcome, 'rolled-back');
      assert.deepEqual(files(root), old);
      assert.deepEqual(await recover(environment(root)), []);
    });

    it(`completes what was decided, after ${made} of 3 moves`, async () => {
      const root = interrupted('redo', made);
      const [only] = await recover(environment(root));
      assert.deepEqual([only?.outcome, only?.kind, only?.subject], ['completed', 'reattach', 'x']);
      assert.deepEqual(files(root), complete);
      assert.deepEqual(readdirSync(journalDirectory(root)), []);
    });
  }

  it('happens before the next transaction', async () => {
    const root = interrupted('undo', 2);
    await apply(plan('attach', ...unitSteps('a.service', '1')), environment(root));
    assert.equal(readFileSync(path.join(root, attached, 'swapped'), 'utf8'), 'old');
  });

  it('leaves alone what somebody else has put there since', async () => {
    for (const direction of ['undo', 'redo'] as const) {
      const root = interrupted(direction, direction === 'undo' ? 3 : 0);
      for (const name of ['put', 'taken', 'swapped']) {
        rmSync(path.join(root, attached, name), { force: true });
        writeFileSync(path.join(root, attached, name), 'somebody else');
      }
      const lines: string[] = [];
      await recover(environment(root, { log: recordingLog(lines) }));
      const foreign = { put: 'somebody else', swapped: 'somebody else', taken: 'somebody else' };
      assert.deepEqual(files(root), foreign);
      assert.match(lines.join('\n'), /taken' was changed by somebody else/);
    }
  });

  it('does not place again what was removed on purpose, should a journal come back after a power loss', async () => {
    const root = interrupted('redo', 3);
    const journal = path.join(journalDirectory(root), `${id}.redo`);
    const copy = readFileSync(journal);
    await recover(environment(root));
    rmSync(path.join(root, attached, 'put'));
    writeFileSync(journal, copy);
    await recover(environment(root));
    assert.deepEqual(files(root), { swapped: 'new' });
  });

  it('waits for the lock', async () => {
    const root = interrupted('undo', 2);
    const lock = { acquire: () => Promise.reject(new Error('busy')) };
    await assert.rejects(recover(environment(root, { lock })), /busy/);
    assert.equal(files(root)['swapped'], 'new');
  });

  it('looks in every journal directory', async () => {
    const root = interrupted('undo', 2);
    const elsewhere = environment(root, {
      journalDir: path.join(root, 'run/transactions'),
      journalDirs: [journalDirectory(root)],
    });
    assert.equal((await recover(elsewhere)).length, 1);
    assert.deepEqual(files(root), old);
  });

  it('gives up on files whose directory is gone', async () => {
    const root = interrupted('undo', 3);
    const directory = path.join(root, attached);
    rmSync(directory, { recursive: true });
    const [only] = await recover(environment(root));
    assert.equal(only?.outcome, 'rolled-back');
    assert.ok(!existsSync(directory));
  });
});

describe('journals that are damaged', () => {
  it('before they were complete mean that nothing was done', async () => {
    const whole = encodeJournal({ id, kind: 'attach', subject: 'x', entries: [] });
    for (const length of [0, 10, whole.length - 1]) {
      const root = host({ [`${attached}/${slot(0, 'new')}`]: 'staged', [`${attached}/mine`]: 'mine' });
      leaveJournal(root, `${id}.undo`, whole.subarray(0, length));
      const [only] = await recover(environment(root));
      assert.equal(only?.outcome, 'nothing-done');
      assert.deepEqual(files(root), { mine: 'mine' });
      assert.deepEqual(readdirSync(journalDirectory(root)), []);
    }
  });

  it('are set aside, with all their files, and stop nobody', async () => {
    for (const garbage of ['garbage\n', '\0'.repeat(100), '{"entries":[]}', 'x'.repeat(100_000)]) {
      const root = host({ [`${attached}/${slot(0, 'old')}`]: 'original', [`${attached}/mine`]: 'mine' });
      leaveJournal(root, `${id}.redo`, garbage);
      const lines: string[] = [];
      const env = environment(root, { log: recordingLog(lines) });
      const [only] = await recover(env);
      assert.equal(only?.outcome, 'set-aside');
      assert.match(lines.join('\n'), /error: .*damaged journal, set aside as .*\.corrupt/);
      assert.deepEqual(files(root), { [slot(0, 'old')]: 'original', mine: 'mine' });
      assert.deepEqual(await recover(env), []);
      assert.deepEqual(files(root), { [slot(0, 'old')]: 'original', mine: 'mine' });
      await apply(plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1')), env);
    }
  });

  it('that are torn although originals were put aside are kept too', async () => {
    const root = host({ [`${attached}/${slot(0, 'old')}`]: 'original' });
    leaveJournal(root, `${id}.undo`, '');
    const [only] = await recover(environment(root));
    assert.equal(only?.outcome, 'set-aside');
    assert.deepEqual(files(root), { [slot(0, 'old')]: 'original' });
  });

  it('that name files elsewhere touch nothing', async () => {
    const root = host({ '/etc/passwd': 'root', [`${attached}/mine`]: 'mine' });
    const before = present(root);
    const identity = identityOf(look(path.join(root, 'etc/passwd'))!);
    const entries: Entry[] = [{ op: 'take', path: '/etc/passwd', area: '/etc', before: identity }];
    leaveJournal(root, `${id}.redo`, encodeJournal({ id, kind: 'detach', subject: 'x', entries }));
    const [only] = await recover(environment(root));
    assert.equal(only?.outcome, 'set-aside');
    assert.deepEqual(present(root), before);
  });

  it('of others in the directory are left alone', async () => {
    const root = host();
    for (const name of ['README', 'abc.undo', `${id}.txt`, id, 'x'.repeat(200)])
      leaveJournal(root, name, 'x');
    mkdirSync(path.join(journalDirectory(root), 'directory'));
    const before = readdirSync(journalDirectory(root));
    assert.deepEqual(await recover(environment(root)), []);
    assert.deepEqual(readdirSync(journalDirectory(root)), before);
  });

  it('that are directories are reported, and stay', async () => {
    const root = host();
    mkdirSync(path.join(journalDirectory(root), `${id}.undo`), { recursive: true });
    const [only] = await recover(environment(root));
    assert.equal(only?.outcome, 'failed');
    await failsWith(
      apply(plan('attach', step.mkdir(attached)), environment(root)),
      'Failed',
      /cannot read the journal .*illegal operation on a directory/,
    );
  });
});

describe('temporary files without a journal', () => {
  it('go, wherever a transaction may have put them', async () => {
    const root = host({
      [`${attached}/${slot(0, 'new')}`]: 'staged',
      [`${attached}/mine`]: 'mine',
      [`/etc/${slot(3, 'new')}/sub/file`]: 'a tree',
      [`/etc/systemd/${slot(12, 'old')}`]: { to: '/x' },
    });
    const lines: string[] = [];
    await recover(environment(root, { log: recordingLog(lines) }));
    assert.deepEqual(files(root), { mine: 'mine' });
    assert.deepEqual(readdirSync(path.join(root, 'etc')), ['systemd']);
    assert.deepEqual(readdirSync(path.join(root, 'etc/systemd')), ['system.attached']);
    assert.equal(lines.length, 3);
  });

  it('go only if the name is exactly of our making', async () => {
    const names = [
      '.#portabled-x',
      `.#portabled-${id}-1.tmp`,
      `.#portabled-${id}-1.new~`,
      `portabled-${id}-1.new`,
    ];
    const root = host(Object.fromEntries(names.map((name) => [`${attached}/${name}`, 'foreign'])));
    await recover(environment(root));
    assert.deepEqual(Object.keys(files(root)).sort(), names.sort());
  });

  it('are not looked for through a symlink', async () => {
    const root = host({
      [`/srv/${slot(0, 'new')}/file`]: 'x',
      [`${attached}/${slot(0, 'new')}`]: { to: '/srv' },
    });
    await recover(environment(root));
    assert.ok(existsSync(path.join(root, 'srv', slot(0, 'new'), 'file')));
    assert.deepEqual(files(root), {});
  });
});
