/** Inodes: https://erofs.docs.kernel.org/en/latest/ondisk/core_ondisk.html#inodes */
import type { NodeKind, NodeStat } from '../tree.ts';
import { corrupt, unsupported } from './errors.ts';
import { dataLayout, inodeSlot, metaboxBit, nullBlock32, nullBlock48, sizeOf } from './format.ts';
import type { DataLayout } from './format.ts';
import type { MetadataSpace } from './metadata.ts';
import type { Superblock } from './superblock.ts';

/** An inode and where the things that belong to it are. */
export interface Inode {
  readonly node: bigint;
  readonly stat: NodeStat;
  /** Bytes of content; of directories and symlinks, too. */
  readonly size: bigint;
  readonly layout: DataLayout;
  /** The field whose meaning depends on layout and kind: first block, chunk format, device number. */
  readonly detail: number;
  /** The first block, of flat layouts; undefined for none: zeros. */
  readonly startBlock: bigint | undefined;
  /** Where this inode and what follows it is read from. */
  readonly space: MetadataSpace;
  /** Where its inline xattrs are in `space`, and how many bytes; 0 for none. */
  readonly xattrStart: bigint;
  readonly xattrSize: number;
}

/** i_format: bit 0 extended, bits 1–3 the data layout, bit 4 one link (or, in a directory, no entry "."). */
const knownFormat = 0x1f;

/** Where metadata is, as far as inodes need it. */
export interface InodeSpaces {
  readonly superblock: Superblock;
  readonly image: MetadataSpace;
  /** The decoded metabox; undefined when the image has none (or it is just being opened). */
  readonly metabox: MetadataSpace | undefined;
}

/** The byte after the inode and its xattrs: inline data, chunk table or compression map come next. */
export function inodeEnd(inode: Inode): bigint {
  return inode.xattrStart + BigInt(inode.xattrSize);
}

/**
 * Reads one inode.
 * @param node its number, from the superblock or a directory
 * @throws PortableError InvalidArgs when there is no valid inode there, NotSupported for an unknown format or data layout
 */
export async function readInode(spaces: InodeSpaces, node: bigint): Promise<Inode> {
  const { space, offset } = locate(spaces, node);
  const head = await space.read(offset, sizeOf.compactInode);
  const format = head.readUInt16LE(0);
  const extended = (format & 1) !== 0;
  const bytes = extended ? await space.read(offset, sizeOf.extendedInode) : head;
  if ((format & ~knownFormat) !== 0) {
    throw unsupported(space.name, `the unknown format 0x${format.toString(16)} (i_format) in inode ${node}`);
  }
  const layout = layoutOf(space.name, node, (format >> 1) & 7);
  const mode = bytes.readUInt16LE(4);
  const kind = kindOf(mode);
  if (kind === undefined)
    throw corrupt(space.name, `inode ${node} has the unknown file type 0o${mode.toString(8)}`);
  const size = extended ? bytes.readBigUInt64LE(8) : BigInt(bytes.readUInt32LE(8));
  if (size >= 1n << 63n) throw corrupt(space.name, `inode ${node} has a size of ${size} bytes`);
  const detail = bytes.readUInt32LE(0x10);
  // bit 4: one link, and the field for the count has the high part of the address instead
  const oneLink = !extended && kind !== 'directory' && (format & 0x10) !== 0;
  const wide = spaces.superblock.blocks48 && (extended || oneLink);
  const startBlock = wide ? (BigInt(bytes.readUInt16LE(6)) << 32n) | BigInt(detail) : BigInt(detail);
  const xattrWords = bytes.readUInt16LE(2);
  return {
    node,
    stat: {
      kind,
      mode: mode & 0o7777,
      uid: extended ? bytes.readUInt32LE(0x18) : bytes.readUInt16LE(0x18),
      gid: extended ? bytes.readUInt32LE(0x1c) : bytes.readUInt16LE(0x1a),
      size: kind === 'file' || kind === 'symlink' ? size : 0n,
      inode: node,
      links: extended ? bytes.readUInt32LE(0x2c) : oneLink ? 1 : bytes.readUInt16LE(6),
      mtime: extended
        ? bytes.readBigInt64LE(0x20)
        : BigInt.asIntN(64, spaces.superblock.epoch + BigInt(bytes.readUInt32LE(0x0c))),
      ...(kind === 'character' || kind === 'block' ? { device: deviceNumber(detail) } : {}),
    },
    size,
    layout,
    detail,
    startBlock: startBlock === (wide ? nullBlock48 : nullBlock32) ? undefined : startBlock,
    space,
    xattrStart: offset + BigInt(bytes.length),
    xattrSize: xattrWords === 0 ? 0 : sizeOf.xattrHeader + (xattrWords - 1) * 4,
  };
}

function locate(spaces: InodeSpaces, node: bigint): { space: MetadataSpace; offset: bigint } {
  if ((node & metaboxBit) === 0n) {
    return { space: spaces.image, offset: spaces.superblock.metadataStart + node * inodeSlot };
  }
  if (spaces.metabox === undefined) {
    throw corrupt(spaces.image.name, `inode ${node} would be in a metabox, which is not there`);
  }
  return { space: spaces.metabox, offset: (node & ~metaboxBit) * inodeSlot };
}

function layoutOf(image: string, node: bigint, value: number): DataLayout {
  const layout = Object.values(dataLayout).find((known) => known === value);
  if (layout === undefined) throw unsupported(image, `the unknown data layout ${value} in inode ${node}`);
  return layout;
}

/** S_IFMT of inode(7). */
const kinds: Readonly<Record<number, NodeKind>> = {
  0o01: 'fifo',
  0o02: 'character',
  0o04: 'directory',
  0o06: 'block',
  0o10: 'file',
  0o12: 'symlink',
  0o14: 'socket',
};

function kindOf(mode: number): NodeKind | undefined {
  return kinds[mode >> 12];
}

/** The kernel's 32-bit device number: 12 bits of major in the middle of 20 bits of minor. */
function deviceNumber(detail: number): { major: number; minor: number } {
  return { major: (detail >>> 8) & 0xfff, minor: (detail & 0xff) | ((detail >>> 12) & 0xfff00) };
}
