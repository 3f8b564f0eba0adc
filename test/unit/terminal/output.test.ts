/** What people see: sizes, times, tables, failures, progress. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { PortableError } from '../../../src/base/errors.ts';
import { didYouMean, formatFailure, UsageError } from '../../../src/terminal/failure.ts';
import { formatJson } from '../../../src/terminal/json.ts';
import { progressBar } from '../../../src/terminal/progress.ts';
import { formatSize, parseSize } from '../../../src/terminal/sizes.ts';
import { coloured, plain, wantsColour } from '../../../src/terminal/styles.ts';
import { formatTable } from '../../../src/terminal/table.ts';
import { zoneName } from '../../../src/terminal/time-zone.ts';
import { timestampFormat } from '../../../src/terminal/timestamps.ts';
import { cut, displayWidth, pad } from '../../../src/terminal/width.ts';

describe('sizes', () => {
  it('prints what systemd prints', () => {
    const expected: Record<string, bigint> = {
      '0B': 0n,
      '1023B': 1023n,
      '1K': 1024n,
      '1.4K': 1500n,
      '1023.9K': 1048575n,
      '5.2M': 5500000n,
      '4.5G': 4831838208n,
      '15.9E': 2n ** 64n - 1n,
    };
    for (const [text, bytes] of Object.entries(expected)) assert.equal(formatSize(bytes), text);
  });

  it('reads what people type', () => {
    const expected: Record<string, bigint> = {
      '0': 0n,
      '512': 512n,
      '4.5G': 4831838208n,
      '+5': 5n,
      '1G 500M': 1024n ** 3n + 500n * 1024n ** 2n,
      '1G500M': 1024n ** 3n + 500n * 1024n ** 2n,
      '7B': 7n,
      '0.001K': 1n,
      ' 2T ': 2n * 1024n ** 4n,
    };
    for (const [text, bytes] of Object.entries(expected)) assert.equal(parseSize(text), bytes, text);
  });

  it('refuses what is no size', () => {
    for (const text of [
      '',
      ' ',
      'x',
      '4X',
      '-1',
      '1M 1G',
      '1G 1G',
      '.5G',
      '4.G',
      '16E',
      '8E',
      '1KB',
      '5k',
      '0x10',
      '1e3',
      '1..5K',
      '1 2',
    ])
      assert.equal(parseSize(text), undefined, text);
  });
});

describe('timestamps', () => {
  const at = 1_700_000_000_000_000n; // 2023-11-14 22:13:20 UTC, a Tuesday

  it('prints weekday, date, time and the short name of the zone', () => {
    const before = process.env['TZ'];
    try {
      const expected: Record<string, string> = {
        UTC: 'Tue 2023-11-14 22:13:20 UTC',
        'Europe/Berlin': 'Tue 2023-11-14 23:13:20 CET',
        'America/New_York': 'Tue 2023-11-14 17:13:20 EST',
        'Asia/Kolkata': 'Wed 2023-11-15 03:43:20 IST',
      };
      for (const [zone, text] of Object.entries(expected)) {
        process.env['TZ'] = zone;
        assert.equal(timestampFormat(zone)(at), text);
      }
      process.env['TZ'] = 'Europe/Berlin';
      assert.equal(timestampFormat('Europe/Berlin')(1_690_000_000_000_000n), 'Sat 2023-07-22 06:26:40 CEST');
    } finally {
      if (before === undefined) delete process.env['TZ'];
      else process.env['TZ'] = before;
    }
  });

  it('reads zone files, and nothing into other files', () => {
    const berlin = readFileSync('/usr/share/zoneinfo/Europe/Berlin');
    assert.equal(zoneName(berlin, 3600), 'CET');
    assert.equal(zoneName(berlin, 7200), 'CEST');
    assert.equal(zoneName(berlin, 12345), undefined);
    for (let end = 0; end < berlin.length; end += 7) zoneName(berlin.subarray(0, end), 3600);
    assert.equal(zoneName(Buffer.from('no zone at all'), 0), undefined);
  });
});

describe('width', () => {
  it('counts cells, not characters', () => {
    assert.equal(displayWidth('abc'), 3);
    assert.equal(displayWidth('日本'), 4);
    assert.equal(displayWidth('e\u0301'), 1);
    assert.equal(pad('日本', 6), '日本  ');
    assert.equal(pad('1', 3, 'right'), '  1');
  });

  it('cuts off without breaking a character', () => {
    assert.equal(cut('abcdef', 6), 'abcdef');
    assert.equal(cut('abcdef', 4), 'abc…');
    assert.equal(cut('日本語', 4), '日…');
    assert.equal(cut('abc', 0), '');
  });
});

describe('tables', () => {
  const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }, { title: 'STATE' }];
  const rows = [
    ['a-rather-long-name', '4K', 'detached'],
    ['b', '1.5G', ''],
  ];

  it('has one blank between columns and none at the end', () => {
    assert.equal(
      formatTable(columns, rows, { columns: undefined, styles: plain }, { legend: true }),
      'NAME               SIZE STATE\na-rather-long-name   4K detached\nb                  1.5G\n',
    );
  });

  it('takes from the widest columns what a terminal has no room for', () => {
    const text = formatTable(columns, rows, { columns: 24, styles: plain }, { legend: true });
    assert.equal(text, 'NAME       SIZE STATE\na-rather-…   4K detached\nb          1.5G\n');
    for (const line of text.split('\n')) assert.ok(displayWidth(line) <= 24, line);
  });

  it('underlines the header on terminals, and leaves it out when asked', () => {
    const output = { columns: 80, styles: coloured };
    assert.match(formatTable(columns, rows, output, { legend: true }), /^\u001b\[4mNAME {14}\u001b\[0m/);
    assert.match(formatTable(columns, rows, output, { legend: false }), /^a-rather-long-name/);
  });

  it('lets no control character through to the terminal', () => {
    const text = formatTable(
      [{ title: 'A' }],
      [['x\u001b[2J\n']],
      { columns: 80, styles: plain },
      { legend: false },
    );
    assert.equal(text, 'x\\x1b[2J\\x0a\n');
  });
});

describe('colours', () => {
  it('follows the variables', () => {
    assert.equal(wantsColour({ TERM: 'xterm' }, true), true);
    assert.equal(wantsColour({ TERM: 'xterm' }, false), false);
    assert.equal(wantsColour({ TERM: 'dumb' }, true), false);
    assert.equal(wantsColour({ NO_COLOR: '1' }, true), false);
    assert.equal(wantsColour({ NO_COLOR: '' }, true), true);
    assert.equal(wantsColour({ SYSTEMD_COLORS: '0' }, true), false);
    assert.equal(wantsColour({ SYSTEMD_COLORS: '1', NO_COLOR: '1' }, false), true);
  });
});

describe('JSON', () => {
  it('is one line or indented, with exact numbers', () => {
    const value = { size: 5n, huge: 2n ** 64n - 1n, list: [null, true] };
    assert.equal(formatJson(value, 'short'), '{"size":5,"huge":"18446744073709551615","list":[null,true]}\n');
    assert.equal(formatJson([1], 'pretty'), '[\n\t1\n]\n');
  });
});

describe('failures', () => {
  it('says what failed, and below it what to try', () => {
    const error = new PortableError('NoSuchImage', 'there is no image x', { hint: 'see portablectl list' });
    assert.equal(
      formatFailure(error, { styles: plain }),
      'there is no image x\nHint: see portablectl list\n',
    );
    assert.equal(formatFailure(new UsageError('a\u001bb'), { styles: plain }), 'a\\x1bb\n');
    assert.equal(formatFailure('x', { styles: coloured }), '\u001b[1;31mx\u001b[0m\n');
  });

  it('guesses what was meant', () => {
    assert.equal(didYouMean('atach', ['attach', 'detach']), ", did you mean 'attach'?");
    assert.equal(didYouMean('zzz', ['attach']), '');
  });
});

describe('progress', () => {
  const record = (isTerminal: boolean, columns = 60) => {
    let written = '';
    const output = {
      isTerminal,
      canRedraw: isTerminal,
      columns,
      styles: plain,
      write: (text: unknown) => void (written += String(text)),
    };
    let time = 0;
    const bar = progressBar(output, 'Copying foo', 1000n, { now: () => time });
    return { bar, written: () => written, at: (ms: number) => (time = ms) };
  };

  it('shows nothing unless it takes long, and leaves nothing behind', () => {
    const { bar, written, at } = record(true);
    at(100);
    bar.update(500n);
    bar.end();
    assert.equal(written(), '');
    at(600);
    bar.update(500n);
    bar.end();
    const [, shown = '', after] = written().split('\r\u001b[K');
    assert.match(shown, /^Copying foo \[#+-+\] {2}50% 500B of 1000B$/);
    assert.ok(shown.length < 60);
    assert.equal(after, '');
  });

  it('is silent where no terminal is', () => {
    const { bar, written, at } = record(false);
    at(5000);
    bar.update(10n);
    bar.end();
    assert.equal(written(), '');
  });
});
