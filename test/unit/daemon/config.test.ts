import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { findConfigFiles, systemConfigDirs } from '../../../src/daemon/config/files.ts';
import { loadConfig } from '../../../src/daemon/config/load.ts';
import { nearest } from '../../../src/base/nearest.ts';
import { defaultConfig, options, type Config } from '../../../src/daemon/config/options.ts';
import { parseSize, parseSpan, parseSpanOrInfinity } from '../../../src/daemon/config/values.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** A new root with these files in it. */
function rootWith(files: Readonly<Record<string, string>>): string {
  const root = scratchDirectory('config');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

async function load(files: Readonly<Record<string, string>>): ReturnType<typeof loadConfig> {
  return await loadConfig(rootWith(files), systemConfigDirs);
}

describe('configuration files', () => {
  it('are not needed', async () => {
    assert.deepEqual(await load({}), { config: defaultConfig, warnings: [] });
  });

  it('set every key there is', async () => {
    const text = `
      # a comment
      [Portabled]
      LogLevel=debug
      LogTarget=console
      IdleTimeoutSec=2min 30s
      [Limits]
      UnitFileSize=2M
      OSReleaseSize=128K
      UnitFiles=77
      DirectoryEntries=88
      PathDepth=12
      SymlinkHops=8
      BlockSize=262144
      MetadataBlocks=99
      InspectionTimeSec=500ms ; how long
    `;
    const { config, warnings } = await load({ 'etc/portabled.conf': text });
    assert.deepEqual(warnings, []);
    assert.deepEqual(config, {
      logLevel: 'debug',
      logTarget: 'console',
      idleTimeoutMs: 150_000,
      limits: {
        unitFileBytes: 2 * 1024 * 1024,
        osReleaseBytes: 128 * 1024,
        unitFiles: 77,
        directoryEntries: 88,
        pathDepth: 12,
        symlinkHops: 8,
        blockBytes: 262_144,
        metadataBlocks: 99,
        wallTimeMs: 500,
      },
    });
  });

  it('take effect in the order of systemd: one main file, then drop-ins by name, /etc masking the others', async () => {
    const root = rootWith({
      'etc/portabled.conf': '[Limits]\nUnitFiles=1\nPathDepth=1\n',
      'usr/lib/portabled.conf': '[Limits]\nUnitFiles=2\nSymlinkHops=2\n',
      'usr/lib/portabled.conf.d/10-a.conf': '[Limits]\nUnitFiles=3\nMetadataBlocks=3\n',
      'etc/portabled.conf.d/10-a.conf': '[Limits]\nUnitFiles=4\n',
      'run/portabled.conf.d/20-b.conf': '[Limits]\nUnitFiles=5\n',
      'usr/local/lib/portabled.conf.d/15-c.conf': '[Limits]\nUnitFiles=6\n',
      'etc/portabled.conf.d/ignored.txt': '[Limits]\nUnitFiles=7\n',
    });
    assert.deepEqual(findConfigFiles(root, systemConfigDirs), [
      join(root, 'etc/portabled.conf'),
      join(root, 'etc/portabled.conf.d/10-a.conf'),
      join(root, 'usr/local/lib/portabled.conf.d/15-c.conf'),
      join(root, 'run/portabled.conf.d/20-b.conf'),
    ]);
    const { config } = await loadConfig(root, systemConfigDirs);
    assert.deepEqual(config.limits, { ...defaultConfig.limits, unitFiles: 5, pathDepth: 1 });
  });

  it('fall back to the vendor main file', async () => {
    const { config } = await load({ 'usr/lib/portabled.conf': '[Limits]\nUnitFiles=2\n' });
    assert.equal(config.limits.unitFiles, 2);
  });

  it('of a tree are looked for in the tree, wherever the links to their directories lead', async () => {
    const root = rootWith({
      'moved/portabled.conf': '[Portabled]\nLogLevel=debug\n',
      'moved/portabled.conf.d/a.conf': '[Limits]\nUnitFiles=5\n',
    });
    symlinkSync('/moved', join(root, 'etc'));
    const { config } = await loadConfig(root, systemConfigDirs);
    assert.deepEqual([config.logLevel, config.limits.unitFiles], ['debug', 5]);
  });

  it('are masked by a link to /dev/null', async () => {
    const root = rootWith({ 'usr/lib/portabled.conf.d/10-a.conf': '[Limits]\nUnitFiles=3\n' });
    mkdirSync(join(root, 'etc/portabled.conf.d'), { recursive: true });
    symlinkSync('/dev/null', join(root, 'etc/portabled.conf.d/10-a.conf'));
    assert.deepEqual(await loadConfig(root, systemConfigDirs), { config: defaultConfig, warnings: [] });
  });

  it('reset a key with an empty value', async () => {
    const { config, warnings } = await load({
      'etc/portabled.conf': '[Limits]\nUnitFiles=1\n',
      'etc/portabled.conf.d/a.conf': '[Limits]\nUnitFiles=\n',
    });
    assert.deepEqual([config, warnings], [defaultConfig, []]);
  });
});

describe('what configuration files get wrong', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      '[Limits]\nUnitFileSise=1M\n',
      /portabled\.conf: unknown key 'UnitFileSise' in section \[Limits\], ignored \(did you mean UnitFileSize=\?\)$/,
    ],
    [
      '[Limits]\nloglevel=debug\n',
      /unknown key 'loglevel' .* \(did you mean LogLevel= in \[Portabled\]\?\)$/,
    ],
    ['[Limits]\nColour=red\n', /unknown key 'Colour' in section \[Limits\], ignored$/],
    ['[Manager]\nUnitFiles=1\n', /in section \[Manager\].*\(did you mean UnitFiles= in \[Limits\]\?\)$/],
    ['UnitFiles=1\n', /'UnitFiles' stands outside of a section/],
    ['[Limits]\nUnitFiles=many\n', /UnitFiles='many' is not a whole number, ignored$/],
    ['[Limits]\nUnitFiles=0\n', /UnitFiles='0' is too small \(at least 1\)/],
    ['[Limits]\nUnitFiles=-1\n', /is not a whole number/],
    ['[Limits]\nUnitFileSize=1Q\n', /UnitFileSize='1Q' is not a size in bytes/],
    ['[Limits]\nUnitFileSize=1T\n', /is too large \(at most 64M\)/],
    ['[Limits]\nUnitFiles\n', /UnitFiles='true' is not a whole number/],
    ['[Limits]\nUnitFiles=1\n[Limits.UnitFiles]\na=b\n', /UnitFiles='\{"a":"b"\}' is not a whole number/],
    ['[Portabled]\nLogLevel=loud\n', /LogLevel='loud' is not a log level \(emerg, alert, crit, err, /],
    ['[Portabled]\nIdleTimeoutSec=soon\n', /IdleTimeoutSec='soon' is not a time span/],
    ['[Portabled]\nLogTarget=\u0007printer\n', /LogTarget='\\x07printer' is not a log target/],
  ];
  for (const [text, expected] of cases) {
    it(`warns about ${JSON.stringify(text)} and keeps the default`, async () => {
      const { config, warnings } = await load({ 'etc/portabled.conf': text });
      assert.deepEqual(config, defaultConfig);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, expected);
      assert.match(warnings[0]!, /^\/.*\/etc\/portabled\.conf: /);
    });
  }

  it('does not reach Object.prototype', async () => {
    const text = '[__proto__]\nUnitFiles=1\n[constructor]\nprototype=1\n[Limits]\n__proto__=1\ntoString=1\n';
    const { config, warnings } = await load({ 'etc/portabled.conf': text });
    assert.deepEqual(config, defaultConfig);
    assert.equal(({} as Record<string, unknown>)['UnitFiles'], undefined);
    assert.equal(warnings.length, 2);
  });

  it('does not stop at a file that cannot be read', async () => {
    const root = rootWith({ 'etc/portabled.conf.d/b.conf': '[Limits]\nUnitFiles=9\n' });
    mkdirSync(join(root, 'etc/portabled.conf.d/a.conf'));
    const { config, warnings } = await loadConfig(root, systemConfigDirs);
    assert.equal(config.limits.unitFiles, 9);
    assert.match(warnings.join(), /a\.conf is ignored: EISDIR/);
  });
});

describe('the keys of portabled.conf', () => {
  const example = readFileSync(new URL('../../../systemd/portabled.conf', import.meta.url), 'utf8');
  const documentation = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

  it('have defaults that read as the default configuration', () => {
    const otherwise = { ...defaultConfig, logLevel: 'emerg', logTarget: 'null', idleTimeoutMs: 1 } as const;
    const zeros = Object.fromEntries(Object.keys(defaultConfig.limits).map((key) => [key, 0]));
    const read = options.reduce<Config>((config, option) => option.apply(config, option.byDefault), {
      ...otherwise,
      limits: zeros as unknown as typeof defaultConfig.limits,
    });
    assert.deepEqual(read, defaultConfig);
  });

  it('are all in the example file, commented out, with their defaults and meaning, and no others', () => {
    const expected = options.map(({ section, key, byDefault }) => `[${section}] #${key}=${byDefault}`);
    let section = '';
    const found: string[] = [];
    for (const line of example.split('\n')) {
      if (line.startsWith('[')) section = line;
      if (/^#\w+=/.test(line)) found.push(`${section} ${line}`);
    }
    assert.deepEqual(found, expected);
    for (const { meaning } of options) assert.ok(example.replaceAll('\n# ', ' ').includes(meaning), meaning);
  });

  it('are all in the documentation, with their defaults, and no others', () => {
    const rows = [...documentation.matchAll(/^\| `(\w+)=` \| `([^`]+)` \|/gm)].map(
      (row) => `${row[1]!}=${row[2]!}`,
    );
    assert.deepEqual(
      rows,
      options.map(({ key, byDefault }) => `${key}=${byDefault}`),
    );
  });

  it('leave the example file without effect', async () => {
    assert.deepEqual(await load({ 'etc/portabled.conf': example }), { config: defaultConfig, warnings: [] });
  });
});

describe('values', () => {
  it('sizes count in powers of 1024', () => {
    const read = ['0', '1', '1k', '1K', '1.5M', '2 G', '3T', '7B'].map((text) =>
      parseSize(text, 0, Infinity),
    );
    assert.deepEqual(read, [0, 1, 1024, 1024, 1_572_864, 2 ** 31, 3 * 2 ** 40, 7]);
    for (const bad of ['', 'K', '-1', '1KB', '0x10', '1e3', '1,5M', 'NaN', 'Infinity']) {
      assert.throws(() => parseSize(bad, 0, Infinity), /not a size/, bad);
    }
  });

  it('time spans add up', () => {
    const read = ['30', '1.5s', '1min 30s', '2h', '1d', '250ms', '5min20', '500us'].map((text) =>
      parseSpan(text, 0),
    );
    assert.deepEqual(read, [30_000, 1500, 90_000, 7_200_000, 86_400_000, 250, 320_000, 0.5]);
    assert.equal(parseSpanOrInfinity('infinity', 0), Infinity);
    for (const bad of ['', 's', '-1s', '1 fortnight', '1s,2s', 'infinity', ' 1s', '5constructor']) {
      assert.throws(() => parseSpan(bad, 0), /not a time span/, bad);
    }
    assert.throws(() => parseSpan('30d', 0), /too large/);
  });

  it('guesses are close or not made', () => {
    const keys = ['LogLevel', 'LogTarget', 'UnitFiles', 'UnitFileSize'];
    assert.equal(nearest('loglevl', keys), 'LogLevel');
    assert.equal(nearest('UnitFile', keys), 'UnitFiles');
    assert.equal(nearest('UntiFiles', keys), 'UnitFiles');
    assert.equal(nearest('Whatever', keys), undefined);
    assert.equal(nearest('', keys), undefined);
  });
});
