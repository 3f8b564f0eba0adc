import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostArchitecture } from '../../../src/base/architecture.ts';
import { Budget, defaultLimits } from '../../../src/disk/budget.ts';
import type { ImageType } from '../../../src/images/image.ts';
import { checkExtension, findExtensionRelease } from '../../../src/portable/extension-release.ts';
import type { ExtensionClass, ExtensionRelease } from '../../../src/portable/extension-release.ts';
import { failsWith } from '../../support/fails-with.ts';
import { directory, memoryTree, type Entry } from '../../support/memory-tree.ts';

const loose = { content: 'ID=_any\n', xattrs: { 'user.extension-release.strict': 'false' } };

/** A tree with these extension-release files; the keys are what their names end in, after "confext:" for those in /etc. */
function extensionTree(files: Readonly<Record<string, Entry>>): ReturnType<typeof memoryTree> {
  const filesOf = (kind: ExtensionClass): Entry => {
    const found = new Map<string, Entry>();
    for (const [key, entry] of Object.entries(files)) {
      const name = key.replace(/^confext:/, '');
      if ((name === key) === (kind === 'sysext')) found.set(`extension-release.${name}`, entry);
    }
    return directory({ 'extension-release.d': found });
  };
  return memoryTree(
    directory({
      usr: directory({ lib: filesOf('sysext'), share: directory({ release: 'ID=linked\n' }) }),
      etc: filesOf('confext'),
    }),
  );
}

async function find(
  path: string,
  files: Readonly<Record<string, Entry>>,
  { relax = false, type = 'directory' }: { readonly relax?: boolean; readonly type?: ImageType } = {},
): Promise<ExtensionRelease> {
  const tree = extensionTree(files);
  try {
    return await findExtensionRelease(tree, { path, type }, relax, new Budget(path, defaultLimits));
  } finally {
    assert.equal(tree.openNodes, 0);
  }
}

describe('the extension-release file of an extension', () => {
  const found: Readonly<Record<string, readonly [string, Readonly<Record<string, Entry>>, string, string]>> =
    {
      'is that of its name': ['/x/app', { app: 'ID=a\n', other: 'ID=b\n' }, 'app', 'exactly'],
      'is that of its whole name first': [
        '/x/app_2.raw',
        { app: 'ID=a\n', app_2: 'ID=b\n' },
        'app_2',
        'exactly',
      ],
      'is that of its name without the version': [
        '/x/app_2.raw',
        { app: 'ID=a\n', x: 'ID=b\n' },
        'app',
        'without version',
      ],
      'is that of its name without tries': ['/x/app_2+3-0.raw', { app: 'ID=a\n' }, 'app', 'without version'],
      'may be a link': ['/x/app', { app: { link: '/usr/share/release' } }, 'app', 'exactly'],
      'may have any name when it is marked so': ['/x/app', { foo: loose, bar: 'ID=b\n' }, 'foo', 'otherwise'],
      'is one of a confext in /etc': ['/x/app', { 'confext:app': 'ID=a\n', bar: 'ID=b\n' }, 'app', 'exactly'],
      'is one of a sysext first': ['/x/app', { 'confext:app': 'ID=a\n', app: 'ID=b\n' }, 'app', 'exactly'],
    };
  for (const [what, [path, files, name, named]] of Object.entries(found)) {
    it(what, async () => {
      const release = await find(path, files);
      assert.ok(release.path.endsWith(`/extension-release.${name}`), release.path);
      assert.equal(release.named, named);
    });
  }

  it('tells which kind of extension it is', async () => {
    assert.equal((await find('/x/app', { app: 'ID=a\n' })).class, 'sysext');
    assert.equal((await find('/x/app', { 'confext:app': 'ID=a\n' })).class, 'confext');
    assert.equal((await find('/x/app', { 'confext:app': 'ID=a\n', app: 'ID=b\n' })).class, 'sysext');
  });

  for (const value of ['false', '0', 'no', 'n', 'f', 'off', 'False', 'OFF', 'false\0']) {
    it(`does not insist on its name when it says ${JSON.stringify(value)}`, async () => {
      const file = { content: 'ID=a\n', xattrs: { 'user.extension-release.strict': value } };
      assert.equal((await find('/x/app', { foo: file })).named, 'otherwise');
    });
  }
  for (const value of ['true', '1', 'yes', '', 'maybe']) {
    it(`insists on its name when it says ${JSON.stringify(value)}`, async () => {
      const file = { content: 'ID=a\n', xattrs: { 'user.extension-release.strict': value } };
      await failsWith(find('/x/app', { foo: file }), 'FileNotFound', /extension-release\.app in .*--force/);
    });
  }

  const none: Readonly<Record<string, readonly [string, Readonly<Record<string, Entry>>]>> = {
    'is not that of another name': ['/x/app', { foo: 'ID=a\n' }],
    'is not that of another version': ['/x/app_2.raw', { app_1: 'ID=a\n' }],
    'is not one whose name only begins like it': ['/x/ap', { app: 'ID=a\n' }],
    'is not a broken link': ['/x/app', { app: { link: 'nowhere' } }],
  };
  for (const [what, [path, files]] of Object.entries(none)) {
    it(what, async () => {
      await failsWith(find(path, files), 'FileNotFound', /extension-release\./);
      await failsWith(find(path, files, { type: 'raw' }), 'NoMedium', /extension-release\./);
    });
  }

  it('is with force the only one there is, whatever its name', async () => {
    const relax = { relax: true };
    assert.equal((await find('/x/app', { foo: 'ID=a\n' }, relax)).named, 'otherwise');
    assert.equal((await find('/x/app_2.raw', { app_1: 'ID=a\n' }, relax)).named, 'otherwise');
    assert.equal(
      (await find('/x/app', { app: { link: 'nowhere' }, foo: 'ID=a\n' }, relax)).named,
      'otherwise',
    );
    for (const name of ['', '.#x']) {
      await failsWith(find('/x/app', { [name]: 'ID=a\n' }, relax), 'FileNotFound', /extension-release\.app/);
    }
    for (const other of [{ link: '/usr/share/release' }, directory()]) {
      await failsWith(find('/x/app', { foo: other }, relax), 'FileNotFound', /extension-release\.app/);
    }
  });

  const ambiguous: Readonly<Record<string, readonly [string, Readonly<Record<string, Entry>>, boolean]>> = {
    'with force': ['/x/app', { foo: 'ID=a\n', bar: 'ID=b\n' }, true],
    'with force, one of them named without the version': ['/x/app_2', { app: 'ID=a\n', bar: 'ID=b\n' }, true],
    'marked as not strict': ['/x/app', { foo: loose, bar: loose }, false],
    'one of them named without the version': ['/x/app_2', { app: 'ID=a\n', foo: loose }, false],
  };
  for (const [what, [path, files, relax]] of Object.entries(ambiguous)) {
    it(`cannot be one of several: ${what}`, async () => {
      const names = new RegExp(
        Object.keys(files)
          .map((name) => `extension-release\\.${name}`)
          .join('.*'),
      );
      await failsWith(find(path, files, { relax }), 'NotUnique', names);
    });
  }

  it('counts only where the image is no operating system itself, as disk images must not be', async () => {
    const tree = memoryTree(
      directory({
        usr: directory({
          lib: directory({
            'os-release': 'ID=a\n',
            'extension-release.d': directory({ 'extension-release.app': 'ID=_any\n' }),
          }),
        }),
      }),
    );
    const budget = new Budget('app', defaultLimits);
    const ask = (type: ImageType, path: string): Promise<ExtensionRelease> =>
      findExtensionRelease(tree, { path, type }, false, budget);
    await failsWith(ask('raw', '/x/app.raw'), 'NoMedium', /\/usr\/lib\/os-release/);
    assert.equal((await ask('directory', '/x/app')).named, 'exactly');
    assert.equal(tree.openNodes, 0);
  });
});

type Fields = Readonly<Record<string, string>>;

/** What is wrong with an extension for an image; undefined when it fits. */
function misfit(kind: ExtensionClass, fields: Fields, osRelease: Fields): string | undefined {
  const release: ExtensionRelease = {
    class: kind,
    path: '/usr/lib/extension-release.d/extension-release.ext',
    content: Buffer.alloc(0),
    fields: new Map(Object.entries(fields)),
    named: 'exactly',
  };
  try {
    checkExtension('/srv/ext', release, { path: '/srv/root', osRelease: new Map(Object.entries(osRelease)) });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof Error);
    assert.equal('code' in error && error.code, 'Stale');
    assert.match(
      error.message,
      /^the extension '\/srv\/ext' does not fit '\/srv\/root': its \/usr\/lib\/extension-release\.d\/extension-release\.ext has /,
    );
    return error.message.replace(/.* has /, '');
  }
}

const root = { ID: 'os', VERSION_ID: '1' };

describe('an extension fits an image', () => {
  const fits: Readonly<Record<string, readonly [Fields, Fields]>> = {
    'of the same ID and VERSION_ID': [{ ID: 'os', VERSION_ID: '1' }, root],
    'of any ID': [{ ID: '_any' }, root],
    'of any ID, whatever else it states': [
      { ID: '_any', VERSION_ID: '9', SYSEXT_LEVEL: '9' },
      { ...root, SYSEXT_LEVEL: '1' },
    ],
    'that is like its ID': [
      { ID: 'os', VERSION_ID: '1' },
      { ID: 'my', ID_LIKE: 'linux os', VERSION_ID: '1' },
    ],
    'that is like its ID, after a tab': [
      { ID: 'os', VERSION_ID: '1' },
      { ID: 'my', ID_LIKE: 'linux\tos', VERSION_ID: '1' },
    ],
    'of the same level, whatever the versions': [
      { ID: 'os', SYSEXT_LEVEL: '2', VERSION_ID: '9' },
      { ...root, SYSEXT_LEVEL: '2' },
    ],
    'of the same version, with a level of its own': [{ ID: 'os', SYSEXT_LEVEL: '2', VERSION_ID: '1' }, root],
    'of the same version, without a level': [
      { ID: 'os', VERSION_ID: '1' },
      { ...root, SYSEXT_LEVEL: '2' },
    ],
    'without a version': [{ ID: 'os' }, { ID: 'os' }],
    'without a version, whatever its own': [
      { ID: 'os', VERSION_ID: '9' },
      { ID: 'os', VERSION_ID: '' },
    ],
    'whatever the level of the other kind': [
      { ID: 'os', VERSION_ID: '1', CONFEXT_LEVEL: '2' },
      { ...root, CONFEXT_LEVEL: '1' },
    ],
    'on this architecture': [{ ID: '_any', ARCHITECTURE: hostArchitecture }, root],
    'on any architecture': [{ ID: '_any', ARCHITECTURE: '_any' }, root],
    'when no architecture is stated': [{ ID: '_any', ARCHITECTURE: '' }, root],
    'in the scope of portable services': [{ ID: '_any', SYSEXT_SCOPE: 'initrd\tportable' }, root],
    'whatever the scope of the other kind': [{ ID: '_any', CONFEXT_SCOPE: 'initrd' }, root],
  };
  for (const [what, [fields, osRelease]] of Object.entries(fits)) {
    it(what, () => {
      assert.equal(misfit('sysext', fields, osRelease), undefined);
      assert.equal(misfit('confext', ofConfext(fields), ofConfext(osRelease)), undefined);
    });
  }
});

describe('an extension does not fit an image', () => {
  const misfits: Readonly<Record<string, readonly [Fields, Fields, string]>> = {
    'without an ID': [{ VERSION_ID: '1' }, root, 'no ID='],
    'with an empty ID': [{ ID: '', VERSION_ID: '1' }, root, 'no ID='],
    'of another ID': [{ ID: 'x', VERSION_ID: '1' }, root, 'ID=x, which is not ID=os of the image'],
    'of an ID in other letters': [
      { ID: 'OS', VERSION_ID: '1' },
      root,
      'ID=OS, which is not ID=os of the image',
    ],
    'that it is not like': [
      { ID: 'x', VERSION_ID: '1' },
      { ...root, ID_LIKE: 'a b' },
      'ID=x, which is not ID=os of the image, nor one of ID_LIKE=a b',
    ],
    'that is like it': [
      { ID: 'my', ID_LIKE: 'os', VERSION_ID: '1' },
      root,
      'ID=my, which is not ID=os of the image',
    ],
    'of another version': [
      { ID: 'os', VERSION_ID: '1.0' },
      root,
      'VERSION_ID=1.0, which is not VERSION_ID=1 of the image',
    ],
    'that states a version': [
      { ID: 'os' },
      root,
      'neither VERSION_ID=, to match VERSION_ID=1 of the image, nor a SYSEXT_LEVEL= as it has',
    ],
    'that states no level': [
      { ID: 'os', SYSEXT_LEVEL: '2' },
      root,
      'neither VERSION_ID=, to match VERSION_ID=1 of the image, nor a SYSEXT_LEVEL= as it has',
    ],
    'of another level': [
      { ID: 'os', SYSEXT_LEVEL: '2', VERSION_ID: '1' },
      { ...root, SYSEXT_LEVEL: '3' },
      'SYSEXT_LEVEL=2, which is not SYSEXT_LEVEL=3 of the image',
    ],
    'on another architecture': [
      { ID: '_any', ARCHITECTURE: 'alpha' },
      root,
      `ARCHITECTURE=alpha, and this machine is ${hostArchitecture}`,
    ],
    'in other scopes': [
      { ID: '_any', SYSEXT_SCOPE: 'initrd system' },
      root,
      'SYSEXT_SCOPE=initrd system, which does not name "portable"',
    ],
    'in no scope': [{ ID: '_any', SYSEXT_SCOPE: '' }, root, 'SYSEXT_SCOPE=, which does not name "portable"'],
  };
  for (const [what, [fields, osRelease, expected]] of Object.entries(misfits)) {
    it(what, () => {
      assert.equal(misfit('sysext', fields, osRelease), expected);
      const asConfext = expected.replaceAll('SYSEXT_', 'CONFEXT_');
      assert.equal(misfit('confext', ofConfext(fields), ofConfext(osRelease)), asConfext);
    });
  }
});

/** The same fields with the two kinds of extensions exchanged. */
function ofConfext(fields: Fields): Fields {
  const exchanged = (key: string): string =>
    key.replace(/^(SYSEXT|CONFEXT)_/, (prefix) => (prefix === 'SYSEXT_' ? 'CONFEXT_' : 'SYSEXT_'));
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [exchanged(key), value]));
}
