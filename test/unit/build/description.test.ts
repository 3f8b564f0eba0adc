/** Build files and options: what they mean, and what is wrong with them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { helpText, parseCommandLine } from '../../../src/build/arguments.ts';
import { keys } from '../../../src/build/keys.ts';
import { completeDescription, parseBuildFile, readParameters } from '../../../src/build/read-description.ts';
import { PortableError } from '../../../src/base/errors.ts';
import { UsageError } from '../../../src/terminal/failure.ts';
import { schemaFile, schemaText } from '../../support/write-build-schema.ts';

const source = { label: 'demo.json', directory: '/work/here', nameOf: (name: string) => `"${name}"` };

function read(text: string) {
  return completeDescription([readParameters(parseBuildFile(text, source.label), source)]);
}

function refuses(raw: object, message: RegExp): void {
  assert.throws(
    () => read(JSON.stringify({ name: 'demo', version: '1', ...raw })),
    (error) => {
      assert.ok(error instanceof PortableError);
      assert.equal(error.code, 'InvalidArgs');
      assert.match(error.describe(), message);
      return true;
    },
  );
}

describe('a build file', () => {
  it('may use every key', () => {
    const description = read(`{
      "$schema": "portable-build.schema.json",
      "name": "demo", "version": "1.0", "units": ["demo.service", "/etc/demo.socket"],
      "description": "A demo", "homepage": "https://example.org", "format": "erofs",
      "symlinks": [{"object": "/usr/bin/bash", "symlink": "/bin/sh"}, "/a:/b"],
      "contents": ["/usr/bin/demo", "dist/app:/opt/app", "/a:b:/c"],
      "packages": ["nginx"], "packageDocs": true, "sourceRoot": "../root", "exclude": ["/usr/share"],
      "nss": true, "certificates": false, "timeZones": true, "compression": "lz4", "blockSize": "128K"
    }`);
    assert.deepEqual(description, {
      name: 'demo',
      version: '1.0',
      units: ['/work/here/demo.service', '/etc/demo.socket'],
      description: 'A demo',
      homepage: 'https://example.org',
      format: 'erofs',
      symlinks: [
        { object: '/usr/bin/bash', symlink: '/bin/sh' },
        { object: '/a', symlink: '/b' },
      ],
      contents: [
        { source: '/usr/bin/demo', local: false, destination: '/usr/bin/demo' },
        { source: '/work/here/dist/app', local: true, destination: '/opt/app' },
        { source: '/a:b', local: false, destination: '/c' },
      ],
      packages: ['nginx'],
      packageDocs: true,
      sourceRoot: '/work/root',
      exclude: ['/usr/share'],
      nss: true,
      certificates: false,
      timeZones: true,
      compression: 'lz4',
      blockSize: 128 * 1024,
    });
  });

  it('is refused with the key that is wrong', () => {
    refuses({ untis: [] }, /demo\.json has an unknown key 'untis' \(did you mean "units"\?\)/);
    refuses({ blockSizes: 1 }, /did you mean "blockSize"/);
    refuses({ zzz: 1 }, /unknown key 'zzz' \(known are name, version, units/);
    refuses({ units: 'demo.service' }, /"units" in demo\.json is no list/);
    refuses({ units: [7] }, /"units" in demo\.json is no text/);
    refuses({ name: '' }, /"name" in demo\.json is empty/);
    refuses({ description: 'a\nb' }, /more than a line/);
    refuses({ nss: 'yes' }, /"nss" in demo\.json is neither true nor false/);
    refuses({ format: 'ext4' }, /"format" in demo\.json is 'ext4' \(expected: one of squashfs, erofs, dir/);
    refuses({ blockSize: '1G' }, /"blockSize" in demo\.json is no number of bytes/);
    refuses({ contents: ['dist/app'] }, /does not say where 'dist\/app' goes/);
    refuses({ symlinks: [{ object: '/a' }] }, /"symlinks" in demo\.json is no symlink/);
    refuses({ symlinks: [{ object: 'a', symlink: '/b' }] }, /absolute/);
    refuses({ symlinks: [{ object: '/a', symlink: '/b', more: 1 }] }, /is no symlink/);
    assert.throws(() => read('{'), /'demo\.json' is not JSON/);
    assert.throws(() => read('[]'), /'demo\.json' must hold one JSON object/);
    assert.throws(() => read('{"name": "demo"}'), /the image needs a version/);
  });

  it('has the published schema', async () => {
    assert.equal(readFileSync(schemaFile, 'utf8'), await schemaText(), 'npm run generate');
  });
});

describe('the command line', () => {
  it('has an option for every parameter, which the help text explains', () => {
    for (const { option } of Object.values(keys)) assert.ok(helpText().includes(`--${option}`), option);
  });

  it('gives parameters as build files have them', () => {
    const args = '--name demo --version 2 --unit a.service --unit b.service --nss --symlink /a:/b x.json';
    const command = parseCommandLine([...args.split(' '), '--json', '-o', 'out']);
    assert.deepEqual(command, {
      kind: 'build',
      file: 'x.json',
      parameters: {
        name: 'demo',
        version: '2',
        units: ['a.service', 'b.service'],
        nss: true,
        symlinks: ['/a:/b'],
      },
      outputDirectory: 'out',
      force: false,
      json: 'pretty',
    });
    assert.deepEqual(parseCommandLine(['--version']), { kind: 'version' });
    assert.deepEqual(parseCommandLine(['-h']), { kind: 'help' });
  });

  it('adds to the lists of a build file, and wins over the rest of it', () => {
    const file = readParameters({ name: 'a', version: '1', packages: ['x'] }, source);
    const options = readParameters({ version: '2', packages: ['y'] }, source);
    const { name, version, packages } = completeDescription([file, options]);
    assert.deepEqual([name, version, packages], ['a', '2', ['x', 'y']]);
  });

  it('is refused with what was meant', () => {
    const refused = (args: readonly string[], message: RegExp): void => {
      assert.throws(
        () => parseCommandLine(args),
        (error) => error instanceof UsageError && message.test(error.message),
      );
    };
    refused(['--contnet', '/a'], /unknown option '--contnet', did you mean '--content'\?/);
    refused(['--name'], /--name/);
    refused(['a.json', 'b.json'], /more than one build file/);
    refused(['--json=xml'], /no JSON mode 'xml'/);
  });
});
