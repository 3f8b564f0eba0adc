/** File systems of a tree that systemd mounts, or that its service manager refuses, made with the field's tools. */
import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDisk } from './disk-images.ts';
import { types } from './partition-tables.ts';
import { runSync } from './run.ts';

/** Makes `file` an ext2 or ext3 of 4 MiB with a tree in it. */
export function packExt(type: 'ext2' | 'ext3' | 'ext4', tree: string, file: string): void {
  runSync('mke2fs', ['-q', '-t', type, '-d', tree, file, '4M']);
}

/** Makes `file` an erofs of a tree. */
export function packErofs(tree: string, file: string): void {
  runSync('mkfs.erofs', ['--quiet', file, tree]);
}

/** Makes `file` a btrfs with a tree in it, as small as can be (some 20 MiB). Needs no root. */
export function packBtrfs(tree: string, file: string): void {
  runSync('mkfs.btrfs', ['-q', '--mixed', '--rootdir', tree, '--shrink', file]);
}

/** Makes `file` an xfs with a tree in it, 300 MiB and sparse, which is the least it can be. Needs root and loop devices. */
export function packXfs(tree: string, file: string): void {
  const mounted = `${file}.mounted`;
  blank(file, 320);
  runSync('mkfs.xfs', ['-q', file]);
  mkdirSync(mounted);
  runSync('mount', ['-o', 'loop', file, mounted]);
  try {
    runSync('cp', ['-a', '-T', tree, mounted]);
  } finally {
    runSync('umount', [mounted]);
    rmSync(mounted, { recursive: true });
  }
}

/** Makes `file` a vfat of 4 MiB with nothing in it. */
export function packVfat(file: string): void {
  blank(file, 4);
  runSync('mkfs.vfat', [file]);
}

function blank(file: string, mebibytes: number): void {
  rmSync(file, { force: true });
  writeFileSync(file, '');
  truncateSync(file, mebibytes * 2 ** 20);
}

/** What no service manager since systemd 253 mounts, by what is wrong; NAME.raw of each is written. */
export const unsuitable = [
  ...(['ext2', 'ext3', 'gpt_ext2', 'gpt_ext3_home', 'gpt_empty_srv', 'mbr_ext2'] as const),
  'gpt_no_directory',
] as const;

/** Writes the images of that list into `directory`. @param tree has /home and /srv */
export function writeUnsuitable(directory: string, work: string, tree: string): void {
  const [ext2, ext3] = [join(directory, 'ext2.raw'), join(directory, 'ext3.raw')];
  const squashfs = join(work, 'squashfs.img');
  packExt('ext2', tree, ext2);
  packExt('ext3', tree, ext3);
  runSync('mksquashfs', [tree, squashfs, '-noappend', '-quiet', '-no-progress', '-all-root']);
  const root = { type: types.root, content: squashfs };
  const disk = (name: string, ...parts: Parameters<typeof writeDisk>[1]['parts']): void =>
    writeDisk(join(directory, `${name}.raw`), { label: 'gpt', parts });
  disk('gpt_ext2', { type: types.root, content: ext2 });
  disk('gpt_ext3_home', root, { type: types.home, content: ext3 });
  disk('gpt_empty_srv', root, { type: types.srv });
  const bare = join(work, 'bare.img');
  const home = join(work, 'home.img');
  runSync('mksquashfs', [tree, bare, '-noappend', '-quiet', '-no-progress', '-all-root', '-e', 'home']);
  packExt('ext4', tree, home);
  disk('gpt_no_directory', { type: types.root, content: bare }, { type: types.home, content: home });
  writeDisk(join(directory, 'mbr_ext2.raw'), {
    label: 'dos',
    parts: [{ type: '83', bootable: true, content: ext2 }],
  });
}
