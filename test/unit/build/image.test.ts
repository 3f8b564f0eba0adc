/** Images built of files of this machine, read back with our own readers and compared with what was asked for. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { buildImage, type BuildOptions } from '../../../src/build/build.ts';
import type { BuildDescription, ImageFormat } from '../../../src/build/description.ts';
import { Budget, defaultLimits } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import { parseOsRelease } from '../../../src/portable/os-release.ts';
import { failsWith } from '../../support/fails-with.ts';
import { listTree, textAt } from '../../support/list-tree.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('build');

/** A source root with a merged /usr, a program without libraries, and its data. */
function makeSource(name: string): string {
  const root = path.join(scratch, name);
  for (const directory of ['usr/bin', 'usr/lib', 'usr/share/demo/deep', 'etc'])
    mkdirSync(path.join(root, directory), { recursive: true });
  symlinkSync('usr/bin', path.join(root, 'bin'));
  writeFileSync(path.join(root, 'etc/os-release'), 'ID=testos\nVERSION_ID=7\nPRETTY_NAME="Test OS 7"\n');
  writeFileSync(path.join(root, 'usr/bin/demod'), 'not really a program\n', { mode: 0o755 });
  writeFileSync(path.join(root, 'usr/share/demo/data'), 'x'.repeat(300_000));
  writeFileSync(path.join(root, 'usr/share/demo/deep/secret'), 's', { mode: 0o600 });
  chmodSync(path.join(root, 'usr/bin/demod'), 0o4775);
  symlinkSync('data', path.join(root, 'usr/share/demo/link'));
  return root;
}

const sourceRoot = makeSource('source');
const unit = path.join(scratch, 'demo.service');
writeFileSync(unit, '[Service]\nExecStart=/usr/bin/demod\n');

const description: BuildDescription = {
  name: 'demo',
  version: '1.0',
  units: [unit],
  description: 'A "demo"',
  homepage: 'https://example.org/',
  sourceRoot,
  contents: ['/bin/demod', '/usr/share/demo'].map((source) => ({
    source,
    local: false,
    destination: source,
  })),
  symlinks: [{ object: '/usr/share/demo/data', symlink: '/srv/data' }],
};

let outputs = 0;

function options(more: Partial<BuildOptions> = {}): BuildOptions {
  const outputDirectory = path.join(scratch, `out-${++outputs}`);
  mkdirSync(outputDirectory);
  return { outputDirectory, searchPath: process.env['PATH'] ?? '', ...more };
}

const expected = [
  'bin -> usr/bin',
  'dev/ 755',
  'etc/ 755',
  'etc/machine-id 644 0',
  'etc/os-release -> ../usr/lib/os-release',
  'etc/resolv.conf 644 0',
  'etc/systemd/ 755',
  'etc/systemd/system/ 755',
  'etc/systemd/system/demo.service 644 35',
  'lib -> usr/lib',
  'lib64 -> usr/lib64',
  'proc/ 755',
  'run/ 755',
  'sbin -> usr/sbin',
  'srv/ 755',
  'srv/data -> /usr/share/demo/data',
  'sys/ 755',
  'tmp/ 1777',
  'usr/ 755',
  'usr/bin/ 755',
  'usr/bin/demod 755 21',
  'usr/lib/ 755',
  'usr/lib/os-release 644 153',
  'usr/lib64/ 755',
  'usr/sbin/ 755',
  'usr/share/ 755',
  'usr/share/demo/ 755',
  'usr/share/demo/data 644 300000',
  'usr/share/demo/deep/ 755',
  'usr/share/demo/deep/secret 600 1',
  'usr/share/demo/link -> data',
  'var/ 755',
  'var/cache/ 755',
  'var/lib/ 755',
  'var/log/ 755',
  'var/tmp/ 1777',
];

describe('a built image', () => {
  for (const format of ['squashfs', 'erofs', 'directory'] as const satisfies ImageFormat[]) {
    it(`has what was asked for and the scaffold, as ${format}`, async () => {
      const built = await buildImage({ ...description, format }, options());
      const [image = ''] = built.outputs;
      assert.equal(path.basename(image), format === 'directory' ? 'demo_1.0' : 'demo_1.0.raw');
      const type = format === 'directory' ? 'directory' : 'raw';
      const opened = await openImage({ path: image, type }, new Budget('image', defaultLimits));
      try {
        const listed = await listTree(opened.tree);
        assert.deepEqual(
          listed.map(({ line }) => line),
          expected,
        );
        assert.deepEqual([...new Set(listed.map(({ stat }) => stat.mtime))], [1n]);
        const owners = new Set(listed.map(({ stat }) => `${stat.uid}:${stat.gid}`));
        // a directory belongs to whoever made it
        if (format !== 'directory') assert.deepEqual([...owners], ['0:0']);
        assert.deepEqual(Object.fromEntries(parseOsRelease(await textAt(opened.tree, '/etc/os-release'))), {
          ID: 'testos',
          PRETTY_NAME: 'Test OS 7',
          VERSION_ID: '7',
          PORTABLE_ID: 'demo',
          PORTABLE_PRETTY_NAME: 'A "demo"',
          PORTABLE_PREFIXES: 'demo',
          HOME_URL: 'https://example.org/',
        });
        assert.equal(await textAt(opened.tree, '/srv/data'), 'x'.repeat(300_000));
      } finally {
        await opened.close();
      }
      assert.deepEqual(readdirSync(path.dirname(image)), [path.basename(image)]);
      assert.equal(built.files, expected.filter((line) => / \d+ \d+$/.test(line)).length);
      assert.deepEqual(built.units, ['demo.service']);
    });
  }

  it('that exists is replaced only when that is asked for', async () => {
    const settings = options();
    const { sha256 } = await buildImage(description, settings);
    await failsWith(buildImage(description, settings), 'FileExists', /demo_1\.0\.raw.*--force/);
    const again = await buildImage({ ...description, homepage: 'x:y' }, { ...settings, force: true });
    assert.notEqual(again.sha256, sha256);
    assert.deepEqual(readdirSync(settings.outputDirectory), ['demo_1.0.raw']);
  });
});
