import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, it } from 'node:test';
import { systemPaths } from '../../../src/base/host-paths.ts';
import { silentLog } from '../../../src/base/log.ts';
import { findByName, findImage, listImages } from '../../../src/images/search.ts';
import type { ImageContext } from '../../../src/images/search.ts';
import { failsWith } from '../../support/fails-with.ts';
import { portableRoots } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';

const newRoot = portableRoots('search');
let host: PortableRoot;
let context: ImageContext;
beforeEach(() => {
  host = newRoot();
  context = { root: host.root, paths: systemPaths(), log: silentLog };
});

const pool = '/var/lib/portables';

function put(path: string, content = 'x'): void {
  mkdirSync(host.at(path.slice(0, path.lastIndexOf('/'))), { recursive: true });
  writeFileSync(host.at(path), content);
}

describe('listing', () => {
  it('finds directories and raw files, and passes over everything else', async () => {
    mkdirSync(host.at(`${pool}/dir`));
    put(`${pool}/file.raw`);
    for (const name of [
      'text',
      'file.raw.verity',
      'file.roothash',
      'file.roothash.p7s',
      'file.nspawn',
      '.#tmp.raw',
      'x.sysupdate.partial.raw',
      'control\x01.raw',
    ]) {
      put(`${pool}/${name}`);
    }
    writeFileSync(
      Buffer.concat([Buffer.from(host.at(`${pool}/`)), Buffer.from([0xff, 0x2e, 0x72, 0x61, 0x77])]),
      'x',
    );
    symlinkSync('nowhere', host.at(`${pool}/broken.raw`));
    symlinkSync('loop', host.at(`${pool}/loop`));
    assert.deepEqual(
      (await listImages(context)).map(({ name, type }) => [name, type]),
      [
        ['dir', 'directory'],
        ['file', 'raw'],
      ],
    );
  });

  it('takes the first of several of one name', async () => {
    put('/etc/portables/a.raw');
    put('/var/lib/portables/a.raw');
    mkdirSync(host.at('/usr/lib/portables/b'), { recursive: true });
    put('/usr/local/lib/portables/b.raw');
    assert.deepEqual(
      (await listImages(context)).map((image) => image.path),
      ['/etc/portables/a.raw', '/usr/local/lib/portables/b.raw'],
    );
  });

  it('follows links inside the root, and names images after the link', async () => {
    put('/srv/real.raw');
    symlinkSync('/srv/real.raw', host.at('/etc/portables/named.raw'));
    symlinkSync('../../../srv/real.raw', host.at(`${pool}/relative.raw`));
    assert.deepEqual(
      (await listImages(context)).map(({ name, path, foundAt }) => [name, path, foundAt]),
      [
        ['named', '/srv/real.raw', '/etc/portables/named.raw'],
        ['relative', '/srv/real.raw', `${pool}/relative.raw`],
      ],
    );
  });

  it('is empty where there are no directories', async () => {
    assert.deepEqual(await listImages({ ...context, root: '/nonexistent' }), []);
  });

  it('picks the best version', async () => {
    for (const name of [
      'app_1.raw',
      'app_2.raw',
      'app_10~rc1.raw',
      'app_10.raw',
      'other_99.raw',
      'app_11.txt',
    ]) {
      put(`${pool}/app.raw.v/${name}`);
    }
    mkdirSync(host.at(`${pool}/tree.v/tree_1`), { recursive: true });
    mkdirSync(host.at(`${pool}/none.v`));
    assert.deepEqual(
      (await listImages(context)).map(({ name, path }) => [name, path]),
      [
        ['app', `${pool}/app.raw.v/app_10.raw`],
        ['tree', `${pool}/tree.v/tree_1`],
      ],
    );
  });
});

describe('finding', () => {
  it('by name, with or without .raw', async () => {
    put(`${pool}/app_1.raw`);
    assert.equal((await findByName(context, 'app_1')).path, `${pool}/app_1.raw`);
    assert.equal((await findByName(context, 'app_1.raw')).path, `${pool}/app_1.raw`);
    await failsWith(findByName(context, 'app'), 'NoSuchImage', /'app'.*\/var\/lib\/portables/);
    await failsWith(findByName(context, 'x'.repeat(255)), 'NoSuchImage', /xxx/);
  });

  it('by path, also of versions', async () => {
    put('/srv/app.raw.v/app_1.raw');
    put('/srv/app.raw.v/app_2.raw');
    for (const path of ['/srv/app.raw.v', '/srv/app.raw.v/', '/srv/app.raw.v/app___.raw']) {
      assert.equal((await findImage(context, path)).path, '/srv/app.raw.v/app_2.raw', path);
    }
    assert.equal((await findImage(context, '/srv/app.raw.v/app_1.raw')).path, '/srv/app.raw.v/app_1.raw');
    await failsWith(findImage(context, '/srv/app.raw.v/app_3.raw'), 'FileNotFound', /app_3/);
    await failsWith(findImage(context, '/srv/nope.v'), 'FileNotFound', /nope\.v/);
  });

  it('tells images of the search path from others', async () => {
    put('/srv/app.raw');
    put(`${pool}/app.raw`);
    symlinkSync('/srv/app.raw', host.at('/etc/portables/linked.raw'));
    assert.equal((await findImage(context, '/srv/app.raw')).inSearchPath, false);
    assert.equal((await findImage(context, `${pool}/app.raw`)).inSearchPath, true);
    assert.equal((await findImage(context, 'linked')).inSearchPath, true);
    assert.equal((await findImage(context, '/etc/portables/linked.raw')).inSearchPath, true);
  });

  it('never crashes on a name of versions', async () => {
    put(`${pool}/foo.raw.v/foo_1.raw`);
    await failsWith(findByName(context, 'foo.raw.v'), 'NoSuchImage', /foo\.raw\.v/);
    await failsWith(findByName(context, '.v'), 'NoSuchImage', /\.v/);
  });

  it('refuses what is no image', async () => {
    put('/srv/text');
    await failsWith(findImage(context, '/srv/text'), 'BadImageType', /\/srv\/text.*\.raw/);
    await failsWith(findImage(context, '/srv/text/x'), 'Failed', /\/srv\/text\/x/);
    symlinkSync('loop', host.at('/srv/loop'));
    await failsWith(findImage(context, '/srv/loop'), 'Loop', /loop/);
  });
});
