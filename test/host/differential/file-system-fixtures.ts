/** Images of every file system, below a directory that is to become the root of a host. */
import { copyFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeDisk } from '../../support/disk-images.ts';
import {
  packBtrfs,
  packErofs,
  packExt,
  packVfat,
  packXfs,
  unsuitable,
  writeUnsuitable,
} from '../../support/file-system-images.ts';
import { types } from '../../support/partition-tables.ts';
import { idleService, writeImageTree } from '../images.ts';

/** In /opt as fs_NAME.raw, each with the unit file-system.service. */
export const fileSystemImages = {
  mounted: ['erofs', 'ext4', 'btrfs', 'xfs', 'gpt_ext4', 'gpt_btrfs', 'gpt_ext4_home'],
  /** With partitions of boot loaders, whose file system not every kernel has. */
  boot: ['gpt_esp'],
  unsuitable,
} as const;

export async function writeFileSystemImages(root: string): Promise<void> {
  const work = await mkdtemp(path.join(tmpdir(), 'file-systems-'));
  try {
    const tree = path.join(work, 'tree');
    const directories = ['home', 'srv', 'boot', 'efi'];
    await writeImageTree(tree, { units: { 'file-system.service': idleService }, directories });
    const at = (name: string): string => path.join(root, 'opt', `fs_${name}.raw`);
    packErofs(tree, at('erofs'));
    packExt('ext4', tree, at('ext4'));
    packBtrfs(tree, at('btrfs'));
    packXfs(tree, at('xfs'));
    const vfat = path.join(work, 'vfat.img');
    packVfat(vfat);
    const ofRoot = { type: types.root, content: at('ext4') };
    const home = { type: types.home, content: at('ext4') };
    const boot = [types.esp, types.xbootldr].map((type) => ({ type, content: vfat }));
    const btrfs = { type: types.root, content: at('btrfs'), mebibytes: 24 };
    for (const [name, ...parts] of [
      ['gpt_ext4', ofRoot],
      ['gpt_ext4_home', ofRoot, home],
      ['gpt_btrfs', btrfs],
      ['gpt_esp', ofRoot, ...boot],
    ] as const) {
      writeDisk(at(name), { label: 'gpt', parts });
    }
    writeUnsuitable(work, work, tree);
    for (const name of unsuitable) {
      copyFileSync(path.join(work, `${name}.raw`), at(name));
    }
    const extension = { name: 'fs_extension', kind: 'sysext', fields: { ID: '_any' } } as const;
    const units = { 'file-system-more.service': idleService };
    await writeImageTree(path.join(work, 'more'), { extension, units });
    packExt('ext3', path.join(work, 'more'), path.join(work, 'more.img'));
    copyFileSync(path.join(work, 'more.img'), at('extension'));
  } finally {
    await rm(work, { recursive: true });
  }
}
