import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Entry } from '../../../src/daemon/log/entry.ts';
import { JournalWriter, type Pace } from '../../../src/daemon/log/journal.ts';
import { DaemonLog, type LogSettings } from '../../../src/daemon/log/log.ts';
import { logLevels, parseLogLevel, priorityOf } from '../../../src/daemon/log/levels.ts';
import { isJournalStream } from '../../../src/daemon/log/stderr.ts';
import { isLogTarget, logTargets } from '../../../src/daemon/log/targets.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** A log that writes into a list, as a process under systemd would. */
function journalLog(settings: Partial<LogSettings> = {}): { log: DaemonLog; lines: string[] } {
  const lines: string[] = [];
  const log = new DaemonLog({
    level: 'info',
    target: 'auto',
    identifier: 'portabled',
    pid: 4711,
    toJournal: true,
    colour: () => false,
    write: (line) => lines.push(line),
    ...settings,
  });
  return { log, lines };
}

/** Puts a program named `logger` first in PATH for the time of `run`; it is a script of /bin/sh. */
async function withLogger(script: string, run: (dir: string) => Promise<void>): Promise<void> {
  const dir = scratchDirectory('logger');
  writeFileSync(join(dir, 'logger'), `#!/bin/sh\ncd ${dir}\n${script}\n`);
  chmodSync(join(dir, 'logger'), 0o755);
  const before = process.env['PATH'];
  process.env['PATH'] = `${dir}:${before ?? ''}`;
  try {
    await run(dir);
  } finally {
    process.env['PATH'] = before;
  }
}

describe('log lines', () => {
  it('carry syslog priorities in the journal, in the order they were logged in', async () => {
    const { log, lines } = journalLog({ level: 'debug' });
    log.debug('d');
    log.info('i');
    log.notice('n');
    await log.flush();
    log.warning('w');
    log.error('e');
    assert.deepEqual(lines, ['<7>d\n', '<6>i\n', '<5>n\n', '<4>w\n', '<3>e\n']);
  });

  it('are readable elsewhere, coloured on a terminal', async () => {
    const plain = journalLog({ toJournal: false });
    const coloured = journalLog({ toJournal: false, colour: () => true });
    for (const { log } of [plain, coloured]) {
      log.info('i');
      log.warning('w');
      log.error('e');
      await log.flush();
    }
    assert.deepEqual(plain.lines, ['portabled: i\n', 'portabled: warning: w\n', 'portabled: error: e\n']);
    assert.deepEqual(coloured.lines, [
      'portabled: i\n',
      'portabled: \u001b[1;33mwarning: w\u001b[0m\n',
      'portabled: \u001b[1;31merror: e\u001b[0m\n',
    ]);
  });

  it('are JSON of pino when asked for', async () => {
    const { log, lines } = journalLog({ target: 'json' });
    log.warning('a "message"', { PORTABLE_ROOT: 'foo', PORTABLE_EXTENSION: ['a', 'b'] });
    await log.flush();
    const { time, ...rest } = JSON.parse(lines.join('')) as Record<string, unknown>;
    assert.ok(Math.abs(Date.now() - Number(time)) < 10_000);
    assert.deepEqual(rest, {
      level: 'warning',
      msg: 'a "message"',
      PORTABLE_ROOT: 'foo',
      PORTABLE_EXTENSION: ['a', 'b'],
    });
  });

  it('keep control characters of untrusted text to themselves', async () => {
    const { log, lines } = journalLog();
    log.info('one\n<0>two\u001b[2J\u0000\u009b');
    await log.flush();
    assert.deepEqual(lines, ['<6>one\\x0a<0>two\\x1b[2J\\x00\\x9b\n']);
  });

  it('obey a level and a target that change while they are written', async () => {
    const { log, lines } = journalLog();
    log.debug('not this');
    assert.ok(log.setLevel('debug'));
    log.debug('this');
    await log.flush();
    assert.ok(log.setTarget('console-prefixed'));
    log.debug('prefixed');
    assert.ok(log.setTarget('console'));
    log.debug('console');
    assert.ok(log.setTarget('null'));
    log.error('nowhere');
    assert.ok(log.setTarget('auto'));
    assert.ok(log.setLevel('emerg'));
    log.error('not this either');
    assert.equal(log.setLevel('loud') || log.setTarget('printer'), false);
    assert.deepEqual([log.level, log.target], ['emerg', 'auto']);
    assert.deepEqual(lines, ['<7>this\n', '<7>prefixed\n', 'portabled: debug: console\n']);
  });

  it('are not lost when the process ends before pino is loaded', () => {
    const { log, lines } = journalLog();
    log.error('last words');
    assert.deepEqual(lines, []);
    log.flushNow();
    assert.deepEqual(lines, ['<3>last words\n']);
  });

  it('are written once, whether flushed early or not', async () => {
    const { log, lines } = journalLog();
    log.error('once');
    log.flushNow();
    await log.flush();
    assert.deepEqual(lines, ['<3>once\n']);
  });
});

describe('entries with fields', () => {
  const attached = {
    MESSAGE_ID: '187c62eb1e7f463bb530394f52cb090f',
    PORTABLE_ROOT: 'foo.raw',
    PORTABLE_EXTENSION: ['a.raw', 'b\nPRIORITY=0'],
  };

  it('go to the journal through logger, one line per field and value, in order', async () => {
    await withLogger('echo "$@" >> args; cat >> input', async (dir) => {
      const { log, lines } = journalLog();
      log.info('attached', attached);
      log.info('again', { PORTABLE_ROOT: 'bar' });
      await log.flush();
      assert.deepEqual(lines, []);
      assert.equal(readFileSync(join(dir, 'args'), 'utf8'), '--journald\n--journald\n');
      assert.deepEqual(readFileSync(join(dir, 'input'), 'utf8').split('\n'), [
        'MESSAGE=attached',
        'PRIORITY=6',
        'SYSLOG_IDENTIFIER=portabled',
        'SYSLOG_PID=4711',
        'OBJECT_PID=4711',
        'MESSAGE_ID=187c62eb1e7f463bb530394f52cb090f',
        'PORTABLE_ROOT=foo.raw',
        'PORTABLE_EXTENSION=a.raw',
        'PORTABLE_EXTENSION=b\\x0aPRIORITY=0',
        'MESSAGE=again',
        'PRIORITY=6',
        'SYSLOG_IDENTIFIER=portabled',
        'SYSLOG_PID=4711',
        'OBJECT_PID=4711',
        'PORTABLE_ROOT=bar',
        '',
      ]);
    });
  });

  describe('wait for their turn', () => {
    const entry = (message: string): Entry => ({ level: 'info', message, fields: attached });
    const sentTo = (dir: string): readonly string[] => {
      const input = join(dir, 'input');
      return existsSync(input) ? (readFileSync(input, 'utf8').match(/(?<=^MESSAGE=).*/gm) ?? []) : [];
    };
    const unwanted = (_: Entry, reason: string): never => assert.fail(reason);
    const writer = (pace: Pace): JournalWriter => new JournalWriter('portabled', 4711, unwanted, pace);

    it('until no more come in, and those that are left again when one does', async () => {
      await withLogger('cat >> input', async (dir) => {
        const journal = writer({ quietMs: 1000, longestMs: 60_000 });
        for (const message of ['1', '2', '3', '4']) journal.write(entry(message));
        await delay(100);
        assert.deepEqual(sentTo(dir), []);
        while (sentTo(dir).length === 0) await delay(1);
        journal.write(entry('5')); // what is being sent goes on, the rest waits
        await delay(300);
        assert.ok(sentTo(dir).length <= 2, sentTo(dir).join());
        await journal.flush();
        assert.deepEqual(sentTo(dir), ['1', '2', '3', '4', '5']);
      });
    });

    it('but not forever', async () => {
      await withLogger('cat >> input', async (dir) => {
        const journal = writer({ quietMs: 60_000, longestMs: 100 });
        journal.write(entry('1'));
        while (sentTo(dir).length === 0) await delay(10);
      });
    });
  });

  it('become plain lines, with one warning, when logger fails', async () => {
    await withLogger('touch called$$; exit 3', async () => {
      const { log, lines } = journalLog();
      log.info('attached', attached);
      log.info('attached again', attached);
      await log.flush();
      log.info('and again', attached);
      assert.equal(lines[0], '<6>attached\n');
      assert.match(
        lines[1]!,
        /^<4>entries with fields go to the journal as plain lines from now on: .*exit code 3/,
      );
      assert.deepEqual(lines.slice(2), ['<6>attached again\n', '<6>and again\n']);
    });
  });

  it('do not run logger where there is no journal', async () => {
    await withLogger('touch called', async (dir) => {
      const { log, lines } = journalLog({ toJournal: false });
      log.info('attached', attached);
      await log.flush();
      assert.deepEqual(lines, ['portabled: attached\n']);
      assert.equal(existsSync(join(dir, 'called')), false);
    });
  });
});

describe('log levels and targets', () => {
  it('are those of LogControl1', () => {
    assert.deepEqual(
      logLevels.map((level) => [
        priorityOf(level),
        parseLogLevel(level),
        parseLogLevel(String(priorityOf(level))),
      ]),
      logLevels.map((level, index) => [index, level, level]),
    );
    assert.deepEqual(['8', '-1', '', 'warn', 'INFO'].map(parseLogLevel), Array(5).fill(undefined));
    for (const target of [
      'console',
      'console-prefixed',
      'kmsg',
      'journal',
      'journal-or-kmsg',
      'syslog',
      'syslog-or-kmsg',
      'auto',
      'null',
    ]) {
      assert.ok(isLogTarget(target), target);
    }
    for (const word of ['', 'toString', '__proto__', 'Journal']) assert.equal(isLogTarget(word), false, word);
    assert.equal(logTargets.length, 10);
  });
});

describe('JOURNAL_STREAM', () => {
  it('counts only if it names our standard error', () => {
    assert.equal(isJournalStream(undefined), false);
    assert.equal(isJournalStream('1:2'), false);
  });
});
