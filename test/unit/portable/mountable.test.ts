import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { before, beforeEach, describe, it } from 'node:test';
import { failsWith } from '../../support/fails-with.ts';
import { attachRequest, detachRequest, portableRoots, unit, writeTree } from '../../support/portable-root.ts';
import type { PortableRoot } from '../../support/portable-root.ts';
import { types } from '../../support/partition-tables.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { snapshot } from '../../support/snapshot.ts';

import { writeDisk } from '../../support/disk-images.ts';
import { packExt, packVfat, unsuitable, writeUnsuitable } from '../../support/file-system-images.ts';
const scratch = scratchDirectory('mountable', '/dev/shm');
const images = path.join(scratch, 'images');
const newRoot = portableRoots('mountable-hosts');
let host: PortableRoot;
/** All that is attached. */
const present = (): readonly string[] => snapshot(host.at('/etc'));

before(() => {
  const tree = writeTree(path.join(scratch, 'tree'), {
    '/usr/lib/os-release': 'ID=app\n',
    '/usr/lib/systemd/system/app.service': unit,
    '/home': null,
    '/srv': null,
  });
  const bare = writeTree(path.join(scratch, 'bare'), {
    '/usr/lib/os-release': 'ID=app\n',
    '/usr/lib/systemd/system/app.service': unit,
  });
  const extension = writeTree(path.join(scratch, 'extension'), {
    '/usr/lib/extension-release.d/extension-release.extension': 'ID=_any\n',
    '/usr/lib/systemd/system/app-more.service': unit,
  });
  mkdirSync(images);
  writeUnsuitable(images, scratch, tree);
  packExt('ext4', tree, path.join(images, 'ext4.raw'));
  const [root, home] = [path.join(scratch, 'bare.img'), path.join(images, 'ext4.raw')];
  packExt('ext4', bare, root);
  for (const [name, attributes] of [
    ['writable', {}],
    ['read_only', { attributes: 'GUID:60' }],
  ] as const) {
    writeDisk(path.join(images, `${name}.raw`), {
      label: 'gpt',
      parts: [
        { type: types.root, content: root, ...attributes },
        { type: types.home, content: home },
      ],
    });
  }
  packExt('ext3', extension, path.join(images, 'extension.raw'));
});

beforeEach(() => {
  host = newRoot();
  runSync('cp', ['-aT', images, host.at('/srv')]);
});

const what: Readonly<Record<(typeof unsuitable)[number], RegExp>> = {
  ext2: /^'\/srv\/ext2.raw' has no suitable file system: it is ext2, which .*\(systemd 262\) does not mount /,
  ext3: /^'\/srv\/ext3.raw' has no suitable file system: it is ext3, which /,
  gpt_ext2: /^partition 1 \(root\) of '\/srv\/gpt_ext2.raw' has no .*: it is ext2, /,
  gpt_ext3_home: /^partition 2 \(home\) of '\/srv\/gpt_ext3_home.raw' has no .*: it is ext3, /,
  gpt_empty_srv:
    /^partition 2 \(srv\) of '\/srv\/gpt_empty_srv.raw' has no .*: no file system is known in it /,
  gpt_no_directory:
    /^'\/srv\/gpt_no_directory.raw' has a partition for \/home, but no directory to mount it on /,
  mbr_ext2: /^partition 1 \(root\) of '\/srv\/mbr_ext2.raw' has no .*: it is ext2, /,
};

describe('an image that the service manager would not mount', () => {
  for (const name of unsuitable) {
    it(`is not attached, and can be looked into: ${name}`, async () => {
      const image = `/srv/${name}.raw`;
      const attached = present();
      await failsWith(host.portables.attach(attachRequest(image)), 'InvalidArgs', what[name]);
      assert.deepEqual(present(), attached);
      const { units } = await host.portables.inspect({
        image,
        extensions: [],
        matches: [],
        forceExtension: false,
      });
      assert.deepEqual([...units.keys()], ['app.service']);
    });
  }

  it('is not attached as an extension, nor put in the place of another image', async () => {
    const extensions = ['/srv/extension.raw'];
    await failsWith(
      host.portables.attach(attachRequest('/srv/ext4.raw', { extensions })),
      'InvalidArgs',
      /^'\/srv\/extension.raw' has no suitable file system: it is ext3, /,
    );
    await host.portables.attach(attachRequest('/srv/ext4.raw'));
    runSync('cp', [host.at('/srv/ext3.raw'), host.at('/srv/ext4.raw')]);
    const attached = present();
    await failsWith(
      host.portables.reattach(attachRequest('/srv/ext4.raw')),
      'InvalidArgs',
      /^'\/srv\/ext4.raw' has no suitable file system: it is ext3, /,
    );
    assert.deepEqual(present(), attached);
  });

  it('needs directories to mount partitions on, unless they can be made', async () => {
    await host.portables.attach(attachRequest('/srv/writable.raw'));
    await host.portables.detach(detachRequest('/srv/writable.raw'));
    await failsWith(
      host.portables.attach(attachRequest('/srv/read_only.raw')),
      'InvalidArgs',
      /^'\/srv\/read_only.raw' has a partition for \/home, but no directory .* an empty directory \/home/,
    );
  });

  it('says what would be mounted', async () => {
    const attached = host.portables.attach(attachRequest('/srv/ext2.raw'));
    await assert.rejects(attached, { hint: /mount btrfs, erofs, ext4, f2fs, squashfs, vfat, xfs$/ });
  });

  it('is attached where the service manager has no such list, or none is known', async () => {
    for (const version of [252, undefined]) {
      host.manager.systemd = version;
      for (const name of ['ext2', 'ext3', 'gpt_ext2', 'gpt_ext3_home', 'mbr_ext2']) {
        await host.portables.attach(attachRequest(`/srv/${name}.raw`));
        await host.portables.detach(detachRequest(`/srv/${name}.raw`));
      }
    }
    host.manager.systemd = 253;
    await failsWith(host.portables.attach(attachRequest('/srv/ext2.raw')), 'InvalidArgs', /systemd 253/);
    host.manager.systemd = 252;
    await failsWith(
      host.portables.attach(attachRequest('/srv/gpt_empty_srv.raw')),
      'InvalidArgs',
      what.gpt_empty_srv,
    );
  });
});

/** Tried with systemd 252, 257 and 262, whose services of images that are refused here do not start. */
describe('partitions of boot loaders', () => {
  const boot = path.join(scratch, 'boot');
  const contents = {
    vfat: path.join(boot, 'vfat.img'),
    ext4: path.join(boot, 'ext4.img'),
    nothing: undefined,
  } as const;

  before(() => {
    mkdirSync(boot);
    packVfat(contents.vfat);
    packExt('ext4', writeTree(path.join(boot, 'tree'), { '/file': 'x' }), contents.ext4);
  });

  /** Attaches an image with these directories, and partitions of these types. @returns why it fails */
  async function attaching(
    directories: readonly string[],
    partitions: readonly ('esp' | 'xbootldr')[],
    content: keyof typeof contents = 'vfat',
    attributes: { readonly attributes?: string } = { attributes: 'GUID:60' },
  ): Promise<string | undefined> {
    const files = directories.map((directory) => [directory, null] as const);
    host.raw('/srv/app.raw', { '/usr/lib/systemd/system/app.service': unit, ...Object.fromEntries(files) });
    const root = path.join(boot, 'root.img');
    runSync('mv', [host.at('/srv/app.raw'), root]);
    if (attributes.attributes === undefined)
      packExt('ext4', writeTree(path.join(boot, 'writable'), app), root);
    writeDisk(host.at('/srv/app.raw'), {
      label: 'gpt',
      parts: [
        { type: types.root, content: root, ...attributes },
        ...partitions.map((name) => {
          const file = contents[content];
          return { type: types[name], ...(file === undefined ? {} : { content: file }) };
        }),
      ],
    });
    return host.portables.attach(attachRequest('/srv/app.raw')).then(
      async () => {
        await host.portables.detach(detachRequest('/srv/app.raw'));
        return undefined;
      },
      (error: unknown) => String(error).replace(/^.*?: /, ''),
    );
  }
  const app = { '/usr/lib/os-release': 'ID=app\n', '/usr/lib/systemd/system/app.service': unit };
  const lacks = (directory: string): RegExp =>
    new RegExp(`has a partition for ${directory}, but no directory to mount it on`);

  it('need a directory', async () => {
    assert.match((await attaching([], ['esp'])) ?? '', lacks('/efi'));
    assert.match((await attaching(['/boot/own'], ['esp'])) ?? '', lacks('/efi'));
    assert.match((await attaching(['/efi'], ['xbootldr'])) ?? '', lacks('/boot'));
    assert.match((await attaching(['/efi'], ['esp', 'xbootldr'])) ?? '', lacks('/boot'));
    assert.match((await attaching(['/boot/own'], ['esp', 'xbootldr'])) ?? '', lacks('/efi'));
    assert.equal(await attaching(['/efi/own'], ['esp']), undefined);
    assert.equal(await attaching(['/boot'], ['esp']), undefined);
    assert.equal(await attaching(['/boot', '/efi'], ['esp', 'xbootldr']), undefined);
  });

  it('need none where it can be made', async () => {
    assert.equal(await attaching([], ['esp', 'xbootldr'], 'vfat', {}), undefined);
  });

  it('need a vfat in them, unless they are not mounted', async () => {
    const both = ['/boot', '/efi'];
    const wrong = /^partition 2 \((esp|xbootldr)\) of '\/srv\/app.raw' has no vfat in it/;
    for (const content of ['ext4', 'nothing'] as const) {
      assert.match((await attaching(both, ['esp'], content)) ?? '', wrong);
      assert.match((await attaching(both, ['xbootldr'], content)) ?? '', wrong);
      assert.equal(await attaching(['/boot/own'], ['xbootldr'], content), undefined);
    }
    host.manager.systemd = 257;
    assert.match((await attaching(both, ['esp'], 'ext4')) ?? '', wrong);
    assert.match((await attaching(both, ['xbootldr'], 'nothing')) ?? '', wrong);
    assert.equal(await attaching(both, ['xbootldr'], 'ext4'), undefined);
  });
});
