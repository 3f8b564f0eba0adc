/** Raw images with partition tables and real file systems, made with the field's tools. */
import {
  copyFileSync,
  openSync,
  closeSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { types } from './partition-tables.ts';
import { runSync } from './run.ts';

/** A partition, in sfdisk's words, and the file that goes into it. */
export interface DiskPart {
  /** A type of partition-tables.ts, or an MBR type. */
  readonly type: string;
  readonly label?: string;
  /** With dashes; sfdisk makes one up otherwise. */
  readonly uuid?: string;
  /** "GUID:60". */
  readonly attributes?: string;
  /** MBR: marked active. */
  readonly bootable?: boolean;
  /** Default: 4 MiB. */
  readonly mebibytes?: number;
  /** Default: the next one. MBR: 5 and above are inside the extended partition. */
  readonly number?: number;
  readonly content?: string;
}

/** A disk of 32 MiB. */
export interface Disk {
  readonly label: 'gpt' | 'dos';
  /** 4096 needs fdisk; labels and attributes are then left out. */
  readonly sectorSize?: 4096;
  readonly parts: readonly DiskPart[];
}

const diskBytes = 32 * 1024 * 1024;

/** Writes the disk as a file. Needs sfdisk and fdisk (package fdisk). */
export function writeDisk(file: string, disk: Disk): void {
  writeFileSync(file, '');
  truncateSync(file, diskBytes);
  const starts = disk.sectorSize === 4096 ? partitionLarge(file, disk) : partition(file, disk);
  for (const [i, { content }] of disk.parts.entries()) {
    if (content !== undefined) writeAt(file, starts[i]!, readFileSync(content));
  }
}

/** @returns where the partitions start, bytes */
function partition(file: string, disk: Disk): number[] {
  const lines = disk.parts.map((part) => {
    const name = part.number === undefined ? '' : `${file}${part.number} : `;
    const fields = [
      `type=${part.type}`,
      `size=${part.mebibytes ?? 4}MiB`,
      ...(part.label === undefined ? [] : [`name=${JSON.stringify(part.label)}`]),
      ...(part.uuid === undefined ? [] : [`uuid=${part.uuid}`]),
      ...(part.attributes === undefined ? [] : [`attrs=${JSON.stringify(part.attributes)}`]),
      ...(part.bootable === true ? ['bootable'] : []),
    ];
    return `${name}${fields.join(', ')}`;
  });
  const input = [`label: ${disk.label}`, ...lines, ''].join('\n');
  runSync('sfdisk', ['--quiet', '--no-tell-kernel', file], { input });
  const { partitiontable } = JSON.parse(runSync('sfdisk', ['--json', file])) as {
    partitiontable: { partitions?: { start: number }[] };
  };
  return (partitiontable.partitions ?? []).map(({ start }) => start * 512);
}

function partitionLarge(file: string, disk: Disk): number[] {
  const starts = disk.parts.map((_, i) => 1024 * (i + 1));
  const commands = starts.flatMap((start, i) => ['n', String(i + 1), String(start), '+1000', 't']);
  const input = disk.parts.flatMap((part, i) => [
    ...commands.slice(i * 5, i * 5 + 5),
    ...(i === 0 ? [] : [String(i + 1)]),
    part.type,
  ]);
  runSync('fdisk', ['--sector-size', '4096', '--noauto-pt', file], {
    input: ['g', ...input, 'w', ''].join('\n'),
  });
  return starts.map((start) => start * 4096);
}

/** Overwrites bytes of a file. */
export function writeAt(file: string, offset: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}

/** Files with file systems of one tree. */
export interface Contents {
  readonly squashfs: string;
  readonly erofs: string;
  readonly ext4: string;
  /** Its /usr alone, as squashfs. */
  readonly usr: string;
}

/** Packs `tree` in several ways, into files in `directory`. */
export function packTree(tree: string, directory: string): Contents {
  const [squashfs, erofs, ext4, usr] = ['squashfs', 'erofs', 'ext4', 'usr'].map((name) =>
    join(directory, `${name}.img`),
  ) as [string, string, string, string];
  const quiet = ['-noappend', '-quiet', '-no-progress', '-all-root'];
  runSync('mksquashfs', [tree, squashfs, ...quiet]);
  runSync('mksquashfs', [join(tree, 'usr'), usr, ...quiet]);
  runSync('mkfs.erofs', [erofs, tree]);
  runSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, ext4, '4M']);
  return { squashfs, erofs, ext4, usr };
}

/** Images that systemd takes, and a few facts they were chosen for; written into `directory` as NAME.raw. */
export function writeGoodImages(directory: string, contents: Contents): string[] {
  const { squashfs, erofs, ext4, usr } = contents;
  const { root, generic, home, srv, swap, x86Root, armRoot, riscvRoot } = types;
  const hidden = 'GUID:63';
  const gpt = (...parts: readonly DiskPart[]): Disk => ({ label: 'gpt', parts });
  const dos = (...parts: readonly DiskPart[]): Disk => ({ label: 'dos', parts });
  const disks: Readonly<Record<string, Disk>> = {
    'gpt-root': gpt({ type: root, content: squashfs }),
    'gpt-erofs': gpt({ type: root, content: erofs, attributes: 'GUID:60' }),
    'gpt-ext4': gpt({ type: root, content: ext4 }),
    'gpt-ext4-read-only': gpt({ type: root, content: ext4, attributes: 'GUID:60' }),
    'gpt-ext4-grow': gpt({ type: root, content: ext4, attributes: 'GUID:59' }),
    'gpt-ext4-both': gpt({ type: root, content: ext4, attributes: 'GUID:59,60' }),
    'gpt-usr': gpt({ type: types.usr, content: usr, attributes: 'GUID:60' }),
    'gpt-root-usr': gpt({ type: types.usr, content: usr }, { type: root, content: squashfs }),
    'gpt-usr-generic': gpt({ type: generic, content: squashfs }, { type: types.usr, content: usr }),
    'gpt-generic': gpt({ type: generic, content: squashfs }),
    'gpt-generic-hidden': gpt({ type: generic, attributes: hidden }, { type: generic, content: ext4 }),
    'gpt-x86': gpt({ type: x86Root, content: squashfs }),
    'gpt-arm-generic': gpt({ type: armRoot, content: squashfs }, { type: generic, content: ext4 }),
    'gpt-foreign': gpt(
      { type: armRoot, label: 'a_1', content: ext4 },
      { type: riscvRoot, label: 'a_2', content: squashfs },
    ),
    'gpt-native': gpt(
      { type: x86Root, label: 'a_2', content: ext4 },
      { type: root, label: 'a_1', content: squashfs },
    ),
    'gpt-versions': gpt(
      { type: root, label: 'foo_1' },
      { type: root, label: 'foo_10', content: erofs },
      { type: root, label: 'foo_9' },
    ),
    'gpt-labels': gpt(
      { type: root, label: 'zoo_1', content: squashfs },
      { type: root, label: '_empty' },
      { type: root },
    ),
    'gpt-many': gpt(
      { type: root, content: squashfs },
      { type: home, content: ext4 },
      { type: home },
      { type: srv, content: erofs },
      { type: swap },
    ),
    'gpt-4096': { label: 'gpt', sectorSize: 4096, parts: [{ type: root, content: squashfs }] },
    'mbr-root': dos({ type: '83', bootable: true, content: squashfs }),
    'mbr-second': dos({ type: '83' }, { type: '83', bootable: true, content: ext4 }, { type: '82' }),
  };
  for (const [name, disk] of Object.entries(disks)) writeDisk(join(directory, `${name}.raw`), disk);
  for (const name of ['squashfs', 'erofs', 'ext4'] as const)
    copyFileSync(contents[name], join(directory, `${name}.raw`));
  const backup = join(directory, 'gpt-backup.raw');
  copyFileSync(join(directory, 'gpt-root.raw'), backup);
  writeAt(backup, 520, Buffer.alloc(8));
  const boot = join(directory, 'ext4-with-mbr.raw');
  copyFileSync(ext4, boot);
  writeAt(boot, 0, readFileSync(join(directory, 'mbr-root.raw')).subarray(0, 512));
  return [...Object.keys(disks), 'squashfs', 'erofs', 'ext4', 'gpt-backup', 'ext4-with-mbr'];
}

/** Images that systemd refuses, likewise. */
export function writeBadImages(directory: string, contents: Contents): string[] {
  const { squashfs, ext4, usr } = contents;
  const { root, generic, home, armUsr, rootVerity } = types;
  const gpt = (...parts: readonly DiskPart[]): Disk => ({ label: 'gpt', parts });
  const dos = (...parts: readonly DiskPart[]): Disk => ({ label: 'dos', parts });
  const disks: Readonly<Record<string, Disk>> = {
    'gpt-empty': gpt(),
    'gpt-home-only': gpt({ type: home, content: squashfs }),
    'gpt-hidden': gpt({ type: root, content: squashfs, attributes: 'GUID:63' }),
    'gpt-generic-only-hidden': gpt({ type: generic, content: squashfs, attributes: 'GUID:63' }),
    'gpt-two-generic': gpt({ type: generic, content: squashfs }, { type: generic, content: squashfs }),
    'gpt-two-architectures': gpt({ type: armUsr, content: usr }, { type: root, content: squashfs }),
    'gpt-no-file-system': gpt({ type: root }),
    'gpt-hash-tree-only': gpt({ type: rootVerity }),
    'mbr-inactive': dos({ type: '83', content: squashfs }),
    'mbr-two-active': dos(
      { type: '83', bootable: true, content: squashfs },
      { type: '83', bootable: true, content: squashfs },
    ),
    'mbr-logical': dos(
      { type: '5', mebibytes: 20 },
      { type: '83', number: 5, bootable: true, content: squashfs },
    ),
    'mbr-fat': dos({ type: 'c', bootable: true, content: squashfs }),
  };
  for (const [name, disk] of Object.entries(disks)) writeDisk(join(directory, `${name}.raw`), disk);
  const changed = (name: string, from: string, change: (file: string) => void): string => {
    const file = join(directory, `${name}.raw`);
    copyFileSync(from, file);
    change(file);
    return name;
  };
  const good = join(directory, 'gpt-hidden.raw');
  return [
    ...Object.keys(disks),
    changed('gpt-truncated', good, (file) => truncateSync(file, 6 * 1024 * 1024)),
    changed('gpt-unannounced', good, (file) => writeAt(file, 0, Buffer.alloc(512))),
    changed('gpt-both-bad', good, (file) => {
      writeAt(file, 520, Buffer.alloc(8));
      writeAt(file, diskBytes - 512 + 8, Buffer.alloc(8));
    }),
    changed('two-file-systems', ext4, (file) => writeAt(file, 0, readFileSync(squashfs).subarray(0, 96))),
    changed('empty', squashfs, (file) => truncateSync(file, 0)),
    changed('zeros', squashfs, (file) => writeFileSync(file, Buffer.alloc(65536))),
  ];
}
