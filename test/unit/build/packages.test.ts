/** Debian packages of a source root: which ones, and which of their files. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { stage, type Staged } from '../../../src/build/stage.ts';
import type { BuildDescription } from '../../../src/build/description.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('packages');
const root = path.join(scratch, 'root');

interface Package {
  readonly fields?: string;
  readonly status?: string;
  /** Path → content; a directory is made for a path that ends in "/". */
  readonly files: Readonly<Record<string, string>>;
}

function put(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  writeFileSync(path.join(root, file), text);
  chmodSync(path.join(root, file), 0o755);
}

/** Writes packages as dpkg would: before /usr was merged they listed /bin and /lib. */
function install(packages: Readonly<Record<string, Package>>): void {
  for (const name of ['bin', 'lib']) {
    mkdirSync(path.join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, path.join(root, name));
  }
  const status: string[] = [];
  for (const [name, each] of Object.entries(packages)) {
    status.push(
      `Package: ${name}\nStatus: ${each.status ?? 'install ok installed'}\nArchitecture: amd64\nVersion: 1.0-1\n` +
        `Description: a package\n Depends: nothing that counts\n${each.fields ?? ''}`,
    );
    for (const [file, text] of Object.entries(each.files)) {
      if (file.endsWith('/')) mkdirSync(path.join(root, file), { recursive: true });
      else put(file, text);
    }
    const listed = ['/.', ...Object.keys(each.files).map((file) => file.replace(/\/$/, ''))];
    put(`var/lib/dpkg/info/${name}${name === 'libone' ? ':amd64' : ''}.list`, `${listed.join('\n')}\n`);
  }
  put('var/lib/dpkg/status', `${status.join('\n\n')}\n`);
}

install({
  server: {
    fields: 'Pre-Depends: libone (>= 2)\nDepends: gone | two, adduser, virtual-three, lost | never\n',
    files: {
      '/bin/server': 'server',
      '/usr/share/doc/server/copyright': 'MIT',
      '/usr/share/doc/server/changelog.gz': 'x',
      '/usr/share/man/man8/server.8.gz': 'x',
      '/usr/include/server.h': 'x',
      '/var/lib/server/': '',
    },
  },
  libone: { files: { '/lib/libone.so.1': 'one' }, fields: 'Depends: server' },
  gone: { files: { '/usr/lib/gone': 'x' }, status: 'deinstall ok config-files' },
  two: { files: { '/usr/lib/two': 'x', '/usr/lib/two-hook': '#!/usr/bin/nosuch\n' } },
  three: { files: { '/usr/lib/three': 'x' }, fields: 'Provides: virtual-three (= 3), other' },
  adduser: { files: { '/usr/sbin/adduser': 'x' } },
  unrelated: { files: { '/usr/lib/unrelated': 'x' } },
});

const unit = path.join(scratch, 'server.service');
writeFileSync(unit, '[Service]\nExecStart=/usr/bin/server\n');

async function staged(more: Partial<BuildDescription>): Promise<Staged> {
  const description = { name: 'server', version: '1', units: [unit], sourceRoot: root, ...more };
  return stage(description, { scratch, signal: new AbortController().signal });
}

function filesOf({ tree }: Staged): string[] {
  return [...tree.walk()]
    .filter(({ node, path: at }) => node.kind === 'file' && !/^\/etc\/|os-release$/.test(at))
    .map(({ path: at }) => at);
}

describe('a package', () => {
  it('comes with what it depends on, without what only its installation needs', async () => {
    const result = await staged({ packages: ['server'] });
    assert.deepEqual(result.packages, ['libone 1.0-1', 'server 1.0-1', 'three 1.0-1', 'two 1.0-1']);
    assert.deepEqual(filesOf(result), [
      '/usr/bin/server',
      '/usr/lib/libone.so.1',
      '/usr/lib/three',
      '/usr/lib/two',
      '/usr/lib/two-hook',
      '/usr/share/doc/server/copyright',
    ]);
    assert.equal(result.tree.find('/var/lib/server')?.node.kind, 'directory');
    assert.deepEqual(result.warnings, [
      "'server' depends on lost or never, which is not installed",
      "'/usr/lib/two-hook' cannot run: its interpreter '/usr/bin/nosuch' is not in the image",
    ]);
  });

  it('has its documentation when that is asked for, and is without what is excluded', async () => {
    const result = await staged({ packages: ['server'], packageDocs: true, exclude: ['/usr/lib'] });
    assert.deepEqual(filesOf(result), [
      '/usr/bin/server',
      '/usr/include/server.h',
      '/usr/share/doc/server/changelog.gz',
      '/usr/share/doc/server/copyright',
      '/usr/share/man/man8/server.8.gz',
    ]);
  });

  it('gives way to contents of the same name', async () => {
    const own = path.join(scratch, 'own');
    writeFileSync(own, 'my own server', { mode: 0o755 });
    const contents = [{ source: own, local: true, destination: '/bin/server' }];
    const { tree } = await staged({ packages: ['server'], contents });
    const node = tree.find('/usr/bin/server')?.node;
    assert.ok(node?.kind === 'file' && node.content.file === own);
  });

  it('that is not installed is refused with what may be meant', async () => {
    await failsWith(staged({ packages: ['servre'] }), 'FileNotFound', /'servre' is not installed.*"server"/);
    await failsWith(staged({ packages: ['gone'] }), 'FileNotFound', /'gone' is not installed/);
    await failsWith(staged({ packages: ['server:arm64'] }), 'FileNotFound', /'server:arm64'/);
  });
});

describe('units', () => {
  it('get the directories that the service manager mounts over, and are told of what seems forgotten', async () => {
    const own = path.join(scratch, 'server-own.service');
    put('usr/share/server.conf', 'x');
    writeFileSync(
      own,
      '[Service]\n# ExecStart=/gone\nExecStart=@/bin/server name -c /usr/share/server.conf \\\n; a comment\n  /run/x\n' +
        'ExecStop=-/usr/bin/gone ; /bin/server\nExecReload=/bin/%i\n' +
        'StateDirectory=one two/deep three:four\nLogsDirectory=%i\nCacheDirectory=cache\nconstructor=x\n',
    );
    const result = await staged({ packages: ['server'], units: [own] });
    for (const directory of ['lib/one', 'lib/two/deep', 'lib/three', 'lib/four', 'cache/cache'])
      assert.equal(result.tree.find(`/var/${directory}`)?.node.kind, 'directory', directory);
    assert.deepEqual(result.warnings.slice(1), [
      "ExecStop= of server-own.service (line 6): '/usr/bin/gone' is not in the image",
      "ExecReload= of server-own.service (line 7): whether '/bin/%i' exists depends on specifiers",
      "'/usr/lib/two-hook' cannot run: its interpreter '/usr/bin/nosuch' is not in the image",
      "ExecStart= of server-own.service (line 3) names '/usr/share/server.conf', which is not in the image",
    ]);
  });
});
