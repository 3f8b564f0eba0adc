/** The images whose inspection is measured, written into a host. */
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { Host } from '../host/host.ts';
import { idleService, packSquashfs, writeImageTree } from '../host/images.ts';
import { writeDisk, type DiskPart } from '../support/disk-images.ts';
import { packBtrfs, packErofs, packExt, packXfs } from '../support/file-system-images.ts';
import { types } from '../support/partition-tables.ts';
import { makeHashTree, writeVerityDisk } from '../support/verity.ts';

export interface InspectionImages {
  /** Paths in the host, by kind. */
  readonly kinds: ReadonlyMap<string, string>;
  /** Squashfs of the same files with one more, which nobody looks at, of 10 MB and of 1 GB. */
  readonly small: string;
  readonly large: string;
}

const places = '/srv/inspection';

/** Writes one image of each kind that the host's kernel, and so its systemd, can mount; and two sizes of one kind. */
export async function writeInspectionImages(host: Host): Promise<InspectionImages> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'inspection-'));
  try {
    const tree = path.join(scratch, 'tree');
    await writeImageTree(tree, {
      units: { 'bench.service': idleService, 'bench-two.service': idleService },
    });
    mkdirSync(host.path(places), { recursive: true });
    const kinds = await writeKinds(host, tree, scratch);
    const sized = async (name: string, mebibytes: number): Promise<string> => {
      const inside = path.join(places, `${name}.raw`);
      await writeSized(tree, host.path(inside), mebibytes);
      return inside;
    };
    return { kinds, small: await sized('small', 10), large: await sized('large', 1000) };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function writeKinds(host: Host, tree: string, scratch: string): Promise<InspectionImages['kinds']> {
  const kinds = new Map<string, string>();
  /** @returns where the image is on this machine */
  const make = async (kind: string, write: (file: string) => unknown): Promise<string> => {
    const inside = path.join(places, `${kind.replaceAll(/[^a-z0-9]+/gi, '-')}.raw`);
    await write(host.path(inside));
    kinds.set(kind, inside);
    return host.path(inside);
  };
  for (const compression of ['gzip', 'xz', 'lz4', 'lzo'] as const) {
    await make(`squashfs ${compression}`, (file) => packSquashfs(tree, file, compression));
  }
  const squashfs = await make('squashfs zstd', (file) => packSquashfs(tree, file, 'zstd'));
  await make('erofs', (file) => packErofs(tree, file));
  await make('erofs lz4', (file) => execa('mkfs.erofs', ['--quiet', '-zlz4hc', file, tree]));
  await make('ext4', (file) => packExt('ext4', tree, file));
  const root: DiskPart = { type: types.root, content: squashfs };
  await make('squashfs in a GPT', (file) => writeDisk(file, { label: 'gpt', parts: [root] }));
  const active: DiskPart = { type: '83', bootable: true, content: squashfs };
  await make('squashfs in an MBR', (file) => writeDisk(file, { label: 'dos', parts: [active] }));
  const hashTree = path.join(scratch, 'hash-tree');
  const rootHash = makeHashTree(squashfs, hashTree);
  await make('squashfs with a hash tree', (file) =>
    writeVerityDisk(file, { data: squashfs, tree: hashTree, rootHash }),
  );
  await make('btrfs', (file) => packBtrfs(tree, file));
  // it is filled by mounting it, which needs a place that is this machine's
  const xfs = path.join(scratch, 'xfs.img');
  packXfs(tree, xfs);
  await make('xfs', (file) => execa('cp', ['--sparse=always', xfs, file]));
  return kinds;
}

/**
 * A squashfs of about so many MiB, most of them one file of random bytes, which no compressor and no file system makes
 * smaller; mksquashfs is told not to try.
 */
async function writeSized(tree: string, file: string, mebibytes: number): Promise<void> {
  const ballast = `ballast f 444 0 0 head -c ${mebibytes * 2 ** 20} /dev/urandom`;
  const quiet = ['-noappend', '-quiet', '-no-progress', '-all-root'];
  await execa('mksquashfs', [tree, file, ...quiet, '-comp', 'zstd', '-noD', '-noF', '-p', ballast]);
}
