import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { Budget, defaultLimits } from '../../../src/disk/budget.ts';
import { listDirectory, readFile, resolve } from '../../../src/disk/walk.ts';
import { directory, memoryTree } from '../../support/memory-tree.ts';
import { refused } from '../../support/refused.ts';

const image = memoryTree(
  directory({
    etc: directory({
      'os-release': { link: '../usr/lib/os-release' },
      absolute: { link: '/usr/lib/os-release' },
      escape: { link: '../../../../../../usr/lib/os-release' },
      loop: { link: 'loop' },
      ping: { link: '/etc/pong' },
      pong: { link: 'ping' },
      dangling: { link: '/nowhere/at/all' },
      empty: { link: '' },
      directory: { link: '../usr/lib/' },
      fifo: { kind: 'fifo' },
      device: { kind: 'character' },
    }),
    lib: { link: 'usr/lib' },
    usr: directory({ lib: directory({ 'os-release': 'ID=test\n', units: directory({ a: '', b: 'x' }) }) }),
  }),
  'foo.raw',
);

const budget = (limits = defaultLimits): Budget => new Budget('foo.raw', limits);

async function pathTo(path: string, follow = true): Promise<string | undefined> {
  const found = await resolve(image, path, budget(), { follow });
  await found?.node.close();
  return found?.path.toString();
}

describe('resolve', () => {
  const release = '/usr/lib/os-release';
  const cases: readonly [path: string, real: string | undefined][] = [
    ['/usr/lib/os-release', release],
    ['usr//lib/./os-release', release],
    ['/etc/os-release', release],
    ['/etc/absolute', release],
    ['/etc/escape', release],
    ['/lib/os-release', release],
    ['/../../usr/../etc/../lib/os-release', release],
    ['/etc/directory/os-release', release],
    ['/etc/directory', '/usr/lib'],
    ['/lib/', '/usr/lib'],
    ['/lib/.', '/usr/lib'],
    ['/lib/..', '/usr'],
    ['/', '/'],
    ['', '/'],
    ['..', '/'],
    ['/etc/missing', undefined],
    ['/missing/os-release', undefined],
    ['/etc/dangling', undefined],
    ['/etc/empty', undefined],
    ['/etc/fifo', '/etc/fifo'],
  ];
  for (const [path, real] of cases) {
    it(`leads '${path}' to ${real ?? 'nothing'}`, async () => {
      assert.equal(await pathTo(path), real);
      assert.equal(image.openNodes, 0);
    });
  }

  it('stops at a link in the last component when asked to, but not before', async () => {
    assert.equal(await pathTo('/etc/os-release', false), '/etc/os-release');
    assert.equal(await pathTo('/lib/os-release', false), release);
    assert.equal(await pathTo('/lib/', false), '/usr/lib');
  });

  for (const path of ['/etc/loop', '/etc/ping', '/etc/loop/deeper']) {
    it(`ends the loop of '${path}' with ELOOP`, async () => {
      await assert.rejects(
        pathTo(path),
        refused('Loop', new RegExp(`'${path}' in 'foo.raw'.*40 symbolic links`)),
      );
      assert.equal(image.openNodes, 0);
    });
  }

  it('follows exactly 40 links', async () => {
    const chain = (length: number): ReturnType<typeof memoryTree> => {
      const links = Array.from(
        { length },
        (_, i) => [`l${i}`, { link: i === 0 ? 'end' : `l${i - 1}` }] as const,
      );
      return memoryTree(new Map<string, string | { link: string }>([...links, ['end', 'x']]));
    };
    assert.equal((await readFile(chain(40), 'l39', 10, budget()))?.toString(), 'x');
    await assert.rejects(readFile(chain(41), 'l40', 10, budget()), refused('Loop', /40 symbolic links/));
  });

  it('names the component that is not a directory', async () => {
    await assert.rejects(
      pathTo('/lib/os-release/x'),
      refused(
        'InvalidArgs',
        /'\/lib\/os-release\/x' in 'foo.raw': '\/usr\/lib\/os-release' is a regular file/,
      ),
    );
    await assert.rejects(pathTo('/etc/os-release/'), refused('InvalidArgs', /not a directory/));
    assert.equal(image.openNodes, 0);
  });

  it('refuses a path with more components than the budget allows, before walking it', async () => {
    const few = budget({ ...defaultLimits, pathDepth: 8 });
    const deep = 'usr/../'.repeat(5);
    await assert.rejects(
      resolve(image, deep, few, { follow: true }),
      refused('LimitsExceeded', /more than 8 components/),
    );
    assert.equal(image.openNodes, 0);
  });

  it('counts the components that links bring in', async () => {
    const deep = memoryTree(directory({ a: { link: 'b/'.repeat(20) }, b: directory() }));
    const few = budget({ ...defaultLimits, pathDepth: 8 });
    await assert.rejects(
      resolve(deep, 'a', few, { follow: true }),
      refused('LimitsExceeded', /8 components/),
    );
  });

  it('ends with the time limit', async () => {
    let now = 0;
    const slow = new Budget('foo.raw', defaultLimits, () => (now += 20_000));
    await assert.rejects(
      resolve(image, '/etc/os-release', slow, { follow: true }),
      refused('LimitsExceeded', /30000 ms/),
    );
  });
});

describe('readFile', () => {
  it('reads through links, and tells a missing file from an empty one', async () => {
    assert.equal((await readFile(image, '/etc/os-release', 100, budget()))?.toString(), 'ID=test\n');
    assert.equal((await readFile(image, '/usr/lib/units/a', 100, budget()))?.length, 0);
    assert.equal(await readFile(image, '/usr/lib/units/c', 100, budget()), undefined);
    assert.equal(image.openNodes, 0);
  });

  it('takes a file of exactly the limit and refuses one byte more', async () => {
    assert.equal((await readFile(image, '/lib/os-release', 8, budget()))?.length, 8);
    await assert.rejects(
      readFile(image, '/lib/os-release', 7, budget()),
      refused('LimitsExceeded', /'\/lib\/os-release' in 'foo.raw' is longer than 7 bytes/),
    );
    assert.equal(image.openNodes, 0);
  });

  it('refuses what is not a regular file, and says what it is', async () => {
    await assert.rejects(
      readFile(image, '/etc/fifo', 9, budget()),
      refused('InvalidArgs', /'\/etc\/fifo' in 'foo.raw' is a FIFO, not a regular file/),
    );
    await assert.rejects(
      readFile(image, '/etc/device', 9, budget()),
      refused('InvalidArgs', /is a character device/),
    );
    await assert.rejects(readFile(image, '/lib', 9, budget()), refused('InvalidArgs', /is a directory/));
    assert.equal(image.openNodes, 0);
  });

  it('puts the path in front of what a reader says', async () => {
    const broken = memoryTree(directory({ x: '' }), 'foo.raw');
    const failing = {
      ...broken,
      root: () => Promise.reject(new PortableError('IOError', 'the inode table is bad')),
    };
    await assert.rejects(
      readFile(failing, '/x', 9, budget()),
      refused('IOError', /cannot read '\/x' in 'foo.raw': the inode table is bad/),
    );
  });
});

describe('listDirectory', () => {
  it('lists through links', async () => {
    const entries = await listDirectory(image, '/lib/units', budget());
    assert.deepEqual(
      entries?.map((entry) => `${entry.name.toString()} ${entry.kind}`),
      ['a file', 'b file'],
    );
    assert.equal(await listDirectory(image, '/lib/missing', budget()), undefined);
    await assert.rejects(
      listDirectory(image, '/etc/os-release', budget()),
      refused('InvalidArgs', /not a directory/),
    );
    assert.equal(image.openNodes, 0);
  });
});
