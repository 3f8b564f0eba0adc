/**
 * What we make of raw images against systemd on booted hosts: the same partitions, file systems and refusals as
 * systemd-dissect; policies that it accepts for the image, and its own portabled writes, or would better write.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { PortableError } from '../../src/base/errors.ts';
import { Budget } from '../../src/disk/budget.ts';
import { formatPolicy } from '../../src/disk/image-policy.ts';
import { type OpenedImage, openImage } from '../../src/disk/open.ts';
import { readFile } from '../../src/disk/walk.ts';
import { inspect } from '../../src/portable/inspect.ts';
import {
  packTree,
  writeBadImages,
  writeDisk,
  writeGoodImages,
  type Contents,
} from '../support/disk-images.ts';
import { packBtrfs, packVfat, packXfs } from '../support/file-system-images.ts';
import { inspectionContext } from '../support/inspection-context.ts';
import { types } from '../support/partition-tables.ts';
import { runSync, tryRunSync } from '../support/run.ts';
import { makeHashTree, makeSigner, signatureJson, signRootHash, writeVerityDisk } from '../support/verity.ts';
import { bootHost, type Host } from './host.ts';
import { idleService, writeImageTree } from './images.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const program = path.join(import.meta.dirname, '../../src/bin/portabled-dissect.ts');
const scratch = mkdtempSync(path.join(tmpdir(), 'dissect-'));
/** Where the hosts see the images. */
const inside = '/opt/images';
let good: readonly string[] = [];
let bad: readonly string[] = [];

/** Whether the kernel, which is the hosts' as well, mounts the partitions of boot loaders. */
let hasVfat = false;

function isMountable(type: string, file: string): boolean {
  const directory = mkdtempSync(path.join(scratch, 'mounted-'));
  if (tryRunSync('mount', ['-t', type, '-o', 'loop,ro', file, directory]).status !== 0) return false;
  runSync('umount', [directory]);
  return true;
}

/** As `systemd-dissect --json` tells of a partition. */
interface Mount {
  readonly rw: 'rw' | 'ro';
  readonly designator: string;
  readonly partition_uuid: string | null;
  readonly partition_label: string | null;
  readonly fstype: string | null;
  readonly architecture: string | null;
  readonly growfs?: boolean;
  readonly verity?: string | null;
  readonly partno: number | null;
}

async function withImage<T>(
  name: string,
  use: (image: OpenedImage, budget: Budget) => Promise<T>,
): Promise<T> {
  const file = path.join(scratch, 'images', `${name}.raw`);
  const budget = new Budget(file);
  const image = await openImage({ path: file, type: 'raw' }, budget, { architecture: 'x86-64' });
  try {
    return await use(image, budget);
  } finally {
    await image.close();
  }
}

/** How systemd-dissect since 260 calls what protects a partition; null where nothing could. */
function asVerity({ designator, partition, protection }: OpenedImage['parts'][number]): string | null {
  if (partition === undefined || !/^(root|usr)$/.test(designator)) return null;
  return { verity: 'yes', signed: 'signed', unprotected: 'no', encrypted: 'no' }[protection];
}

/** Our parts in the words of systemd-dissect. */
function asMounts({ parts }: OpenedImage, version: number): Mount[] {
  return parts.map((part) => ({
    ...(version < 260 ? {} : { verity: asVerity(part) }),
    rw: part.readOnly ? 'ro' : 'rw',
    designator: part.designator,
    partition_uuid: part.partition?.uuid ?? null,
    partition_label:
      part.partition?.label === undefined || part.partition.label === '' ? null : part.partition.label,
    fstype: part.fileSystem ?? null,
    architecture: part.partition?.architecture ?? null,
    growfs: part.growFileSystem,
    partno: part.partition?.number ?? null,
  }));
}

/** Images of file systems that take some room, that have a hash tree, or a partition that is not every kernel's; by kind. */
const others = {
  large: ['btrfs', 'gpt-btrfs', 'xfs'],
  boot: ['gpt-esp'],
  verity: ['gpt-verity', 'gpt-verity-signed', 'gpt-verity-usr'],
} as const;

function writeOthers(directory: string, tree: string, { ext4, squashfs, usr }: Contents): void {
  const at = (name: string): string => path.join(directory, `${name}.raw`);
  const gpt = (name: string, ...parts: Parameters<typeof writeDisk>[1]['parts']): void =>
    writeDisk(at(name), { label: 'gpt', parts });
  packBtrfs(tree, at('btrfs'));
  packXfs(tree, at('xfs'));
  gpt('gpt-btrfs', { type: types.root, content: at('btrfs'), mebibytes: 24 });
  const vfat = path.join(scratch, 'vfat.img');
  packVfat(vfat);
  hasVfat = isMountable('vfat', vfat);
  const boot = [types.esp, types.xbootldr].map((type) => ({ type, content: vfat }));
  gpt('gpt-esp', { type: types.root, content: ext4 }, ...boot);
  gpt('esp-zero', { type: types.root, content: squashfs }, { type: types.esp });
  const bare = path.join(scratch, 'bare.img');
  const exclude = ['-e', 'efi', 'boot'];
  runSync('mksquashfs', [tree, bare, '-noappend', '-quiet', '-no-progress', '-all-root', ...exclude]);
  gpt('esp-bare', { type: types.root, content: bare }, boot[0]!);
  const hashTree = path.join(scratch, 'tree.img');
  const signature = path.join(scratch, 'signature.img');
  const signer = makeSigner(scratch, 'signer');
  const attributes = ['GUID:60', 'GUID:60', 'GUID:60'] as const;
  const rootHash = makeHashTree(squashfs, hashTree);
  const disk = { data: squashfs, tree: hashTree, rootHash, attributes };
  writeVerityDisk(at('gpt-verity'), disk);
  writeFileSync(
    signature,
    signatureJson(rootHash, signRootHash(rootHash, signer), signer).padEnd(16_384, '\0'),
  );
  writeVerityDisk(at('gpt-verity-signed'), { ...disk, signature });
  const usrHash = makeHashTree(usr, hashTree);
  writeVerityDisk(at('gpt-verity-usr'), {
    usr: true,
    data: usr,
    tree: hashTree,
    rootHash: usrHash,
    attributes,
  });
}

before(async () => {
  const tree = path.join(scratch, 'tree');
  const directories = ['home', 'srv', 'efi', 'boot'];
  await writeImageTree(tree, { units: { 'idle.service': idleService }, directories });
  mkdirSync(path.join(scratch, 'images'));
  const contents = packTree(tree, scratch);
  good = writeGoodImages(path.join(scratch, 'images'), contents);
  bad = writeBadImages(path.join(scratch, 'images'), contents);
  writeOthers(path.join(scratch, 'images'), tree, contents);
});

after(() => rmSync(scratch, { recursive: true }));

for (const suite of chosenSuites(process.env, ['trixie', 'forky'])) {
  const version = suites[suite];
  describe(`systemd-dissect ${version} and ours`, () => {
    let host: Host;
    before(async () => {
      const binds = [{ from: path.join(scratch, 'images'), to: inside, writable: true }];
      host = await bootHost({ ...settings, suite, binds });
    });
    after(() => host.stop());

    it('find the same in the same images', async () => {
      for (const name of [...good, ...Object.values(others).flat()]) {
        const found = await host.check([
          'systemd-dissect',
          '--json=short',
          '--no-pager',
          `${inside}/${name}.raw`,
        ]);
        const theirs = JSON.parse(found.trim().split('\n').at(-1) ?? '') as {
          readonly sectorSize?: number;
          readonly architecture?: string;
          readonly osRelease: readonly string[];
          readonly mounts: readonly Mount[];
        };
        await withImage(name, async (image, budget) => {
          const ours = asMounts(image, version);
          assert.equal(ours.length, theirs.mounts.length, name);
          for (const [i, mount] of theirs.mounts.entries()) {
            // 257 does not look for what it does not mount, and tells other things as well
            const expected = Object.fromEntries(
              Object.keys(ours[i] ?? {}).map((key) => [key, mount[key as keyof Mount]]),
            );
            assert.deepEqual(ours[i], expected, `${name}: ${mount.designator}`);
          }
          if (theirs.sectorSize !== undefined)
            assert.equal(image.table?.sectorSize ?? 512, theirs.sectorSize, name);
          const release = await readFile(image.tree, '/usr/lib/os-release', 65536, budget);
          assert.deepEqual(
            release?.toString().replaceAll('"', '').trim().split('\n'),
            theirs.osRelease,
            name,
          );
        });
      }
    });

    it('list the same files, and have the same words for what they tell', async () => {
      for (const name of ['squashfs', 'erofs', 'ext4', 'gpt-ext4', 'mbr-root', ...others.large]) {
        const file = path.join(scratch, 'images', `${name}.raw`);
        const ours = (...options: string[]): string =>
          runSync(process.execPath, ['--import', 'tsx', program, ...options, file]);
        const theirs = (option: string): Promise<string> =>
          host.check(['systemd-dissect', '--no-pager', option, `${inside}/${name}.raw`]);
        // they call the root ""
        const files = (text: string): string[] =>
          text.split('\n').filter((line) => !['', '/'].includes(line));
        assert.deepEqual(files(ours('--list')).sort(), files(await theirs('--list')).sort(), name);
        const [mine, other] = [ours('--json=short'), await theirs('--json=short')].map(
          (text) => JSON.parse(text.trim().split('\n').at(-1) ?? '') as Record<string, unknown>,
        );
        assert.deepEqual(mine?.['osRelease'], other?.['osRelease'], name);
        // 257 does not tell it
        if (version >= 260) assert.equal(mine?.['size'], other?.['size'], name);
      }
    });

    it('refuse the same images', async () => {
      for (const name of bad) {
        const { exitCode } = await host.run(['systemd-dissect', '--json=short', `${inside}/${name}.raw`]);
        assert.notEqual(exitCode, 0, name);
        await assert.rejects(
          withImage(name, () => Promise.resolve()),
          (error) =>
            error instanceof PortableError && error.code === 'InvalidArgs' && error.message.includes(name),
          name,
        );
      }
    });

    it('agree that our policy fits the image', async () => {
      for (const name of [...good, ...Object.values(others).flat()]) {
        const policy = await withImage(name, (image) =>
          Promise.resolve(formatPolicy(image.policy!, version)),
        );
        const validate = [
          'systemd-dissect',
          '--validate',
          `--image-policy=${policy}`,
          `${inside}/${name}.raw`,
        ];
        assert.equal((await host.run(validate)).exitCode, 0, `${name}: ${policy}`);
      }
    });

    it('agree that our policy fits no image that is another', async () => {
      const refusals: readonly (readonly [pinned: string, other: string])[] = [
        ['gpt-ext4', 'gpt-ext4-grow'],
        ['gpt-ext4', 'gpt-ext4-read-only'],
        ['gpt-ext4-both', 'gpt-ext4-read-only'],
        ['gpt-root', 'gpt-many'],
        ['gpt-usr', 'gpt-root'],
        ['squashfs', 'gpt-usr'],
        ...(version >= 260
          ? ([
              ['squashfs', 'ext4'],
              ['gpt-root', 'gpt-ext4'],
            ] as const)
          : []),
      ];
      for (const [pinned, other] of refusals) {
        const policy = await withImage(pinned, (image) =>
          Promise.resolve(formatPolicy(image.policy!, version)),
        );
        // file systems count only when they are mounted, which listing the files does
        const list = ['systemd-dissect', '--list', `--image-policy=${policy}`];
        assert.equal(
          (await host.run([...list, `${inside}/${pinned}.raw`])).exitCode,
          0,
          `${pinned}: ${policy}`,
        );
        assert.notEqual(
          (await host.run([...list, `${inside}/${other}.raw`])).exitCode,
          0,
          `${other}: ${policy}`,
        );
      }
    });

    it("need partitions of boot loaders that can be mounted for systemd's portabled, too", async () => {
      // ours: test/unit/portable/mountable.test.ts
      const bus = await host.bus();
      for (const name of ['esp-zero', 'esp-bare']) {
        const body = [`${inside}/${name}.raw`, [], 'default', true, ''];
        const reply = await bus.call({ member: 'AttachImage', signature: 'sassbs', body });
        const error = version < 260 ? 'org.freedesktop.DBus.Error.InvalidArgs' : 'FileNotFound';
        const answer = reply.ok ? 'attached' : reply.error;
        assert.notEqual(answer, 'attached', name);
        if (name === 'esp-bare') assert.ok(answer.endsWith(error), answer);
      }
      await bus.close();
    });

    // before, it wrote none
    if (version < 260) return;
    it("pin as systemd's portabled does, or better", async () => {
      let same = 0;
      for (const name of [...good, ...others.large, ...others.verity, ...(hasVfat ? others.boot : [])]) {
        const file = `${inside}/${name}.raw`;
        await host.check(['/usr/bin/portablectl', 'attach', '--runtime', file, 'idle']);
        const dropIn = await host.read('/run/systemd/system.attached/idle.service.d/20-portable.conf');
        await host.check(['/usr/bin/portablectl', 'detach', '--runtime', file, 'idle']);
        const theirs = /^RootImagePolicy=(.*)$/m.exec(dropIn)?.[1];
        await withImage(name, async ({ policy, parts }) => {
          const flagsAreStored = parts.every(
            ({ partition, readOnly, growFileSystem }) =>
              partition === undefined ||
              (partition.flags.readOnly === readOnly && partition.flags.growFileSystem === growFileSystem),
          );
          const ours = formatPolicy(policy!, version);
          if (flagsAreStored) {
            assert.equal(ours, theirs, name);
            same++;
            return;
          }
          // theirs has flags that follow from the file system, and then refuses the image itself
          assert.notEqual(ours, theirs, name);
          const validate = ['systemd-dissect', '--validate', `--image-policy=${theirs}`, file];
          assert.notEqual((await host.run(validate)).exitCode, 0, `${name}: ${theirs}`);
        });
      }
      assert.ok(same > 10, `${same} the same`);
    });

    it("show the same metadata as systemd's portabled", async () => {
      const bus = await host.bus();
      for (const name of [...good, ...others.large, ...others.verity, ...(hasVfat ? others.boot : [])]) {
        const call = { member: 'GetImageMetadata', signature: 'sas', body: [`${inside}/${name}.raw`, []] };
        const [, release, units] = (await bus.get(call)) as [
          string,
          Buffer,
          Readonly<Record<string, Uint8Array>>,
        ];
        const image = path.join(scratch, 'images', `${name}.raw`);
        const ours = await inspect(inspectionContext, {
          image,
          extensions: [],
          matches: [],
          forceExtension: false,
        });
        assert.deepEqual(ours.osRelease, Buffer.from(release), name);
        const theirs = Object.entries(units).map(([unit, text]) => [unit, Buffer.from(text)] as const);
        assert.deepEqual([...ours.units].sort(), theirs.sort(), name);
      }
      await bus.close();
    });

    it('are told where the kernel has no vfat, which systemd mounts and we do not', async () => {
      const bus = await host.bus();
      const [name] = others.boot;
      const call = { member: 'GetImageMetadata', signature: 'sas', body: [`${inside}/${name}.raw`, []] };
      const reply = await bus.call(call);
      assert.equal(reply.ok ? 'answers' : reply.error, hasVfat ? 'answers' : 'System.Error.ENODEV');
      await bus.close();
      const image = path.join(scratch, 'images', `${name}.raw`);
      const ours = await inspect(inspectionContext, {
        image,
        extensions: [],
        matches: [],
        forceExtension: false,
      });
      assert.deepEqual([...ours.units.keys()], ['idle.service']);
    });
  });
}
