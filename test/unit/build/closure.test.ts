/** Closures of real programs: what our search finds is what the machine's own dynamic loader finds. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import type { BuildDescription, ContentRequest } from '../../../src/build/description.ts';
import { parseLoaderCache } from '../../../src/build/elf/loader-cache.ts';
import { stage } from '../../../src/build/stage.ts';
import type { StagingTree } from '../../../src/build/tree.ts';
import { failsWith } from '../../support/fails-with.ts';
import { compile } from '../../support/programs.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('closure');

let roots = 0;

/** A tree with this machine's C library in it, and a unit for the program /opt/app/bin/app. */
function newRoot(): string {
  const root = path.join(scratch, `root-${++roots}`);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(path.join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, path.join(root, name));
  }
  for (const file of librariesOf('/bin/sh')) copyIn(root, file);
  return root;
}

function copyIn(root: string, file: string): void {
  mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
  cpSync(realpathSync(file), path.join(root, file));
}

/** What the loader of this machine says a program needs, with the loader itself. */
function librariesOf(program: string): string[] {
  return [...runSync('ldd', [program]).matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
}

const unit = path.join(scratch, 'app.service');
writeFileSync(unit, '[Service]\nExecStart=/opt/app/bin/app\n');

function described(sourceRoot: string, contents: readonly ContentRequest[]): BuildDescription {
  return { name: 'app', version: '1', units: [unit], sourceRoot, contents };
}

function ofRoot(...files: readonly string[]): ContentRequest[] {
  return files.map((source) => ({ source, local: false, destination: source }));
}

async function stageTree(description: BuildDescription): Promise<StagingTree> {
  return (await stage(description, { scratch, signal: new AbortController().signal })).tree;
}

/** The regular files of a tree that are not part of every image. */
function filesOf(tree: StagingTree): string[] {
  return [...tree.walk()]
    .filter(({ node, path: at }) => node.kind === 'file' && !/^\/etc|os-release$/.test(at))
    .map(({ path: at }) => at);
}

const calls = (name: string): string => `int ${name}(void); int main(void) { return ${name}(); }`;
const gives = (name: string, other?: string): string =>
  other === undefined
    ? `int ${name}(void) { return 0; }`
    : `int ${other}(void); int ${name}(void) { return ${other}(); }`;

describe('the closure of a program', () => {
  it('of this machine is what ldd lists', async () => {
    for (const program of ['/usr/bin/env', '/bin/bash', '/usr/bin/mksquashfs']) {
      const directory = path.dirname(program);
      const local = path.join(scratch, 'self.service');
      writeFileSync(local, `[Service]\nExecStart=${program}\n`);
      const tree = await stageTree({ name: 'self', version: '1', units: [local] });
      const expected = librariesOf(program);
      assert.ok(expected.length >= 2, directory);
      for (const library of expected) {
        const found = tree.find(library);
        assert.equal(found?.node.kind, 'file', `${program} needs ${library}`);
        assert.equal(found.path, realpathSync(library), 'with the same symlinks on the way');
      }
      const wanted = new Set([program, ...expected].map((each) => realpathSync(each)));
      const more = filesOf(tree).filter((each) => !wanted.has(each));
      assert.deepEqual(
        more.filter((each) => !each.endsWith('/libgcc_s.so.1')),
        [],
      );
    }
  });

  it('follows RUNPATH with $ORIGIN, and libraries of libraries', async () => {
    const root = newRoot();
    const at = (file: string): string => path.join(root, 'opt/app', file);
    compile(at('lib/libtwo.so.1'), { source: gives('two'), soname: 'libtwo.so.1' });
    compile(at('lib/libone.so.1'), {
      source: gives('one', 'two'),
      soname: 'libone.so.1',
      libraries: [at('lib/libtwo.so.1')],
      runpath: '${ORIGIN}',
    });
    compile(at('bin/app'), {
      source: calls('one'),
      libraries: [at('lib/libone.so.1')],
      runpath: '$ORIGIN/../lib',
    });
    const tree = await stageTree(described(root, ofRoot('/opt/app/bin/app')));
    assert.deepEqual(
      filesOf(tree).filter((each) => each.startsWith('/opt')),
      ['/opt/app/bin/app', '/opt/app/lib/libone.so.1', '/opt/app/lib/libtwo.so.1'],
    );
  });

  it('passes RPATH on to libraries, RUNPATH not', async () => {
    for (const kind of ['rpath', 'runpath'] as const) {
      const root = newRoot();
      const at = (file: string): string => path.join(root, 'opt/app', file);
      compile(at('lib/libtwo.so.1'), { source: gives('two'), soname: 'libtwo.so.1' });
      compile(at('lib/libone.so.1'), {
        source: gives('one', 'two'),
        soname: 'libone.so.1',
        libraries: [at('lib/libtwo.so.1')],
      });
      compile(at('bin/app'), {
        source: calls('one'),
        libraries: [at('lib/libone.so.1')],
        [kind]: '/opt/app/lib',
      });
      const staged = stageTree(described(root, ofRoot('/opt/app/bin/app')));
      if (kind === 'rpath') assert.ok((await staged).find('/opt/app/lib/libtwo.so.1') !== undefined);
      else
        await failsWith(
          staged,
          'FileNotFound',
          /^libtwo\.so\.1 is missing, needed by '\/opt\/app\/lib\/libone\.so\.1'/,
        );
    }
  });

  it('takes a local program with what lies beside it', async () => {
    const build = path.join(scratch, 'local');
    compile(path.join(build, 'lib/libone.so.1'), { source: gives('one'), soname: 'libone.so.1' });
    compile(path.join(build, 'bin/app'), {
      source: calls('one'),
      libraries: [path.join(build, 'lib/libone.so.1')],
      runpath: '$ORIGIN/../lib',
    });
    const content = { source: path.join(build, 'bin/app'), local: true, destination: '/opt/app/bin/app' };
    const tree = await stageTree(described(newRoot(), [content]));
    assert.deepEqual(
      filesOf(tree).filter((each) => each.startsWith('/opt')),
      ['/opt/app/bin/app', '/opt/app/lib/libone.so.1'],
    );
  });

  it("finds libraries by the source root's cache, and gives the image one that its loader understands", async () => {
    const root = newRoot();
    compile(path.join(root, 'srv/odd/libone.so.1'), { source: gives('one'), soname: 'libone.so.1' });
    compile(path.join(root, 'srv/odd/libother.so.1'), { source: gives('other'), soname: 'libother.so.1' });
    compile(path.join(root, 'opt/app/bin/app'), {
      source: calls('one'),
      libraries: [path.join(root, 'srv/odd/libone.so.1')],
    });
    await failsWith(stageTree(described(root, ofRoot('/opt/app/bin/app'))), 'FileNotFound', /libone\.so\.1/);
    mkdirSync(path.join(root, 'etc'));
    runSync('ldconfig', ['-C', path.join(root, 'cache'), '-f', '/dev/null', path.join(root, 'srv/odd')]);
    // ldconfig writes the paths it sees: those of the root are what the loader in it sees
    const cache = parseLoaderCache(readFileSync(path.join(root, 'cache')))!;
    assert.ok(cache.entries.some(({ name }) => name === 'libother.so.1'));
    const text = readFileSync(path.join(root, 'cache'), 'latin1').replaceAll(
      `${root}/srv/odd`,
      '/srv/odd'.padStart(root.length + '/srv/odd'.length, '/'),
    );
    writeFileSync(path.join(root, 'etc/ld.so.cache'), text, 'latin1');
    const tree = await stageTree(described(root, ofRoot('/opt/app/bin/app')));
    assert.ok(tree.find('/srv/odd/libone.so.1') !== undefined);
    assert.equal(tree.find('/srv/odd/libother.so.1'), undefined);
    const written = tree.find('/etc/ld.so.cache')!.node;
    assert.ok(written.kind === 'file');
    const opened = await written.content.open();
    const file = path.join(scratch, 'ld.so.cache');
    writeFileSync(file, await opened.read(0, written.content.size));
    const printed = runSync('ldconfig', ['-p', '-C', file]);
    assert.match(printed, /libone\.so\.1 \(libc6[^)]*\) => \/+srv\/odd\/libone\.so\.1/);
    assert.doesNotMatch(printed, /libother/);
  });

  it('names everything that is missing and who needs it', async () => {
    const root = newRoot();
    compile(path.join(root, 'gone/libgone.so.7'), { source: gives('gone'), soname: 'libgone.so.7' });
    for (const name of ['app', 'tool']) {
      compile(path.join(root, 'opt/app/bin', name), {
        source: calls('gone'),
        libraries: [path.join(root, 'gone/libgone.so.7')],
      });
    }
    await failsWith(
      stageTree(described(root, ofRoot('/opt/app'))),
      'FileNotFound',
      /^libgone\.so\.7 is missing, needed by '\/opt\/app\/bin\/app' and 1 more \(install it in .*--exclude\)$/,
    );
  });

  it('lets a plug-in have what the program that loads it has', async () => {
    const root = newRoot();
    const at = (file: string): string => path.join(root, 'opt/app', file);
    compile(at('private/libcore.so.1'), { source: gives('core'), soname: 'libcore.so.1' });
    compile(at('bin/app'), {
      source: calls('core'),
      libraries: [at('private/libcore.so.1')],
      runpath: '$ORIGIN/../private',
    });
    compile(at('plugins/extra.so'), {
      source: gives('extra', 'core'),
      soname: 'extra.so',
      libraries: [at('private/libcore.so.1')],
    });
    const tree = await stageTree(described(root, ofRoot('/opt/app')));
    assert.ok(tree.find('/opt/app/plugins/extra.so') !== undefined);
  });

  it('never leaves the source root', async () => {
    const root = newRoot();
    const outside = path.join(scratch, 'outside');
    mkdirSync(outside, { recursive: true });
    writeFileSync(path.join(outside, 'secret'), 'secret');
    mkdirSync(path.join(root, 'opt/app/bin'), { recursive: true });
    for (const [name, target] of [
      ['absolute', path.join(outside, 'secret')],
      ['relative', `${'../'.repeat(20)}${outside}/secret`],
    ] as const) {
      symlinkSync(target, path.join(root, 'opt/app', name));
      await failsWith(
        stageTree(described(root, ofRoot(`/opt/app/${name}`))),
        'FileNotFound',
        /is a symlink that leads nowhere/,
      );
    }
    symlinkSync(outside, path.join(root, 'opt/away'));
    await failsWith(stageTree(described(root, ofRoot('/opt/away/secret'))), 'FileNotFound', /secret/);
  });
});

describe('the closure of a script', () => {
  const script = (root: string, file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
    chmodSync(path.join(root, file), 0o755);
  };

  for (const first of ['#!/bin/sh -e', '#!/usr/bin/env sh', '#! /usr/bin/env -S A=b sh -e']) {
    it(`has the interpreter of ${first}, and its libraries`, async () => {
      const root = newRoot();
      for (const program of ['/usr/bin/env', '/bin/sh']) {
        copyIn(root, program);
        for (const library of librariesOf(program)) copyIn(root, library);
      }
      script(root, '/opt/app/bin/app', `${first}\nexit 0\n`);
      const tree = await stageTree(described(root, ofRoot('/opt/app/bin/app')));
      const files = filesOf(tree);
      assert.ok(files.includes('/usr/bin/sh'));
      assert.equal(files.includes('/usr/bin/env'), first.includes('env'));
      for (const library of librariesOf('/bin/sh')) assert.equal(tree.find(library)?.node.kind, 'file');
    });
  }

  it('is refused when its interpreter is missing, and mentioned when it only lies around', async () => {
    const root = newRoot();
    script(root, '/opt/app/bin/app', '#!/usr/bin/env nosuch\n');
    await failsWith(
      stageTree(described(root, ofRoot('/opt/app/bin/app'))),
      'FileNotFound',
      /the interpreter '\/usr\/bin\/env' is missing, needed by '\/opt\/app\/bin\/app'/,
    );
    compile(path.join(root, 'opt/app/bin/app'), { source: 'int main(void) { return 0; }' });
    script(root, '/opt/app/samples/one', '#!/usr/bin/nosuch\n');
    const staged = await stage(described(root, ofRoot('/opt/app')), {
      scratch,
      signal: new AbortController().signal,
    });
    assert.deepEqual(staged.warnings, [
      "'/opt/app/samples/one' cannot run: its interpreter '/usr/bin/nosuch' is not in the image",
    ]);
  });

  it('in Python has the modules of the interpreter', async () => {
    const file = path.join(scratch, 'python.service');
    writeFileSync(file, '[Service]\nExecStart=/usr/bin/python3 -m http.server\n');
    const tree = await stageTree({ name: 'python', version: '1', units: [file] });
    const version = path.basename(realpathSync('/usr/bin/python3'));
    for (const module of ['os.py', 'http/server.py', 'encodings/utf_8.py'])
      assert.equal(tree.find(`/usr/lib/${version}/${module}`)?.node.kind, 'file');
    assert.deepEqual(
      filesOf(tree).filter((each) => each.includes('__pycache__')),
      [],
    );
  });
});

describe('what no header names', () => {
  it('comes on request: name service modules with users of their own, certificates, time zones', async () => {
    const root = newRoot();
    const put = (file: string, text: string): void => {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    };
    compile(path.join(root, 'opt/app/bin/app'), { source: 'int main(void) { return 0; }' });
    put('etc/nsswitch.conf', 'passwd: files odd\nhosts: files odd [NOTFOUND=return] absent # never\n');
    put('etc/passwd', 'secret:x:1000:1000::/home/secret:/bin/sh\n');
    put('usr/share/ca/one.pem', 'certificate');
    put('etc/ssl/private/key.pem', 'private');
    put('usr/share/zoneinfo/Europe/Berlin', 'zone');
    put('usr/share/zoneinfo/right/Europe/Berlin', 'zone');
    mkdirSync(path.join(root, 'etc/ssl/certs'), { recursive: true });
    symlinkSync('/usr/share/ca/one.pem', path.join(root, 'etc/ssl/certs/one.pem'));
    compile(path.join(root, 'usr/lib/libnss_odd.so.2'), { source: gives('odd'), soname: 'libnss_odd.so.2' });
    compile(path.join(root, 'usr/lib/libnss_never.so.2'), { source: gives('never'), soname: 'x' });
    const description = described(root, ofRoot('/opt/app/bin/app'));
    const optional = [
      '/usr/lib/libnss_odd.so.2',
      '/usr/share/ca/one.pem',
      '/usr/share/zoneinfo/Europe/Berlin',
    ];
    const without = filesOf(await stageTree(description));
    assert.deepEqual(
      optional.filter((each) => without.includes(each)),
      [],
    );
    const tree = await stageTree({ ...description, nss: true, certificates: true, timeZones: true });
    const files = filesOf(tree);
    assert.deepEqual(
      optional.filter((each) => !files.includes(each)),
      [],
    );
    assert.equal(files.includes('/usr/lib/libnss_never.so.2'), false);
    assert.equal(tree.find('/usr/share/zoneinfo/right'), undefined);
    assert.equal(tree.find('/etc/ssl/private'), undefined);
    assert.equal(tree.find('/etc/ssl/certs/one.pem')?.path, '/usr/share/ca/one.pem');
    const passwd = tree.find('/etc/passwd')?.node;
    assert.ok(passwd?.kind === 'file');
    const opened = await passwd.content.open();
    assert.match((await opened.read(0, 1000)).toString(), /^root:.*\nnobody:.*\n$/);
  });
});
