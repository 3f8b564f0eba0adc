/** Inodes: fourteen types on disk, two for each kind of file. */
import type { NodeKind, NodeStat } from '../tree.ts';
import { corrupt } from './errors.ts';
import {
  deviceLayout,
  directoryLayout,
  dotEntriesBytes,
  extendedDeviceLayout,
  extendedDirectoryLayout,
  extendedFileLayout,
  extendedIpcLayout,
  fileLayout,
  inodeHeaderLayout,
  inodeType,
  ipcLayout,
  maxTargetBytes,
  metadataBytes,
  none32,
  symlinkLayout,
} from './format.ts';
import type { MetadataCursor } from './metadata.ts';
import type { Volume } from './volume.ts';

/** A place in the stream of metadata: a block's position in the image, and an offset into its content. */
export interface MetadataPlace {
  readonly position: bigint;
  readonly offset: number;
}

/** Where a directory's entries are. */
export interface ListingPlace extends MetadataPlace {
  /** Bytes; 0 in an empty directory. */
  readonly size: number;
  /** Entries of the index that follows the inode, at `index`. */
  readonly indexCount: number;
  readonly index: MetadataPlace;
}

/** Where a file's content is. */
export interface ContentPlace {
  /** Position of the first data block. */
  readonly start: bigint;
  /** The list of block sizes, which follows the inode. */
  readonly sizes: MetadataPlace;
  /** The end of the file, when it is shorter than a block and stored with others. */
  readonly fragment: { readonly index: number; readonly offset: number } | undefined;
}

export interface Inode {
  readonly stat: NodeStat;
  /** Index into the xattr table. */
  readonly xattrs: number | undefined;
  /** Of a directory. */
  readonly listing?: ListingPlace;
  /** Of a file. */
  readonly content?: ContentPlace;
  /** Of a symlink: where the target's `stat.size` bytes are. */
  readonly target?: MetadataPlace;
}

/** What an inode has besides its header. */
interface Body extends Omit<Inode, 'stat' | 'xattrs'> {
  readonly kind: NodeKind;
  readonly links: number;
  readonly size?: bigint;
  readonly device?: number;
  /** As stored: may mean none. */
  readonly xattrIndex?: number;
}

type ReadBody = (volume: Volume, cursor: MetadataCursor) => Promise<Body>;

const bodies: ReadonlyMap<number, ReadBody> = new Map([
  [inodeType.directory, directory],
  [inodeType.extendedDirectory, extendedDirectory],
  [inodeType.file, file],
  [inodeType.extendedFile, extendedFile],
  [inodeType.symlink, (volume, cursor) => symlink(volume, cursor, false)],
  [inodeType.extendedSymlink, (volume, cursor) => symlink(volume, cursor, true)],
  [inodeType.block, device('block')],
  [inodeType.character, device('character')],
  [inodeType.extendedBlock, extendedDevice('block')],
  [inodeType.extendedCharacter, extendedDevice('character')],
  [inodeType.fifo, ipc('fifo')],
  [inodeType.socket, ipc('socket')],
  [inodeType.extendedFifo, extendedIpc('fifo')],
  [inodeType.extendedSocket, extendedIpc('socket')],
]);

/** The kinds of the types that directory entries have: the basic ones. */
export const entryKinds: ReadonlyMap<number, NodeKind> = new Map<number, NodeKind>([
  [inodeType.directory, 'directory'],
  [inodeType.file, 'file'],
  [inodeType.symlink, 'symlink'],
  [inodeType.block, 'block'],
  [inodeType.character, 'character'],
  [inodeType.fifo, 'fifo'],
  [inodeType.socket, 'socket'],
]);

/**
 * Reads an inode.
 * @param reference bits 16–47: its metadata block, from the start of the inode table; bits 0–15: offset into it
 * @throws PortableError InvalidArgs when it is corrupt
 */
export async function readInode(volume: Volume, reference: bigint): Promise<Inode> {
  const { superblock, metadata } = volume;
  const position = superblock.inodeTable + (reference >> 16n);
  const offset = Number(reference & 0xffffn);
  const name = `the inode at ${position}+${offset}`;
  if (position >= superblock.directoryTable)
    throw corrupt(metadata.image, `${name} is outside the inode table`);
  const cursor = metadata.cursor(position, offset);
  const header = await parse(cursor, inodeHeaderLayout);
  const readBody = bodies.get(header.type);
  if (readBody === undefined) throw corrupt(metadata.image, `${name} is of the unknown type ${header.type}`);
  const { kind, links, size, device: number, xattrIndex = none32, ...rest } = await readBody(volume, cursor);
  return {
    ...rest,
    stat: {
      kind,
      mode: header.mode & 0o7777,
      uid: await id(volume, header.uidIndex),
      gid: await id(volume, header.gidIndex),
      size: size ?? 0n,
      inode: BigInt(header.number),
      links,
      mtime: BigInt(header.mtime),
      ...(number === undefined ? {} : { device: splitDevice(number) }),
    },
    xattrs: xattrIndex === none32 ? undefined : xattrIndex,
  };
}

async function id(volume: Volume, index: number): Promise<number> {
  return (await volume.ids.entry(index)).readUInt32LE(0);
}

/** Reads one structure. */
export async function parse<T>(
  cursor: MetadataCursor,
  of: { readonly size: number; parse(bytes: Buffer): T },
): Promise<T> {
  return of.parse(cursor.tryRead(of.size) ?? (await cursor.read(of.size)));
}

async function directory(volume: Volume, cursor: MetadataCursor): Promise<Body> {
  const { startBlock, links, size, offset } = await parse(cursor, directoryLayout);
  return { kind: 'directory', links, listing: listing(volume, startBlock, offset, size, 0, cursor) };
}

async function extendedDirectory(volume: Volume, cursor: MetadataCursor): Promise<Body> {
  const fields = await parse(cursor, extendedDirectoryLayout);
  const { startBlock, links, size, offset, indexCount, xattrIndex } = fields;
  return {
    kind: 'directory',
    links,
    xattrIndex,
    listing: listing(volume, startBlock, offset, size, indexCount, cursor),
  };
}

function listing(
  volume: Volume,
  startBlock: number,
  offset: number,
  size: number,
  indexCount: number,
  afterInode: MetadataCursor,
): ListingPlace {
  return {
    position: volume.superblock.directoryTable + BigInt(startBlock),
    offset,
    size: Math.max(0, size - dotEntriesBytes),
    indexCount,
    index: afterInode.place,
  };
}

async function file(volume: Volume, cursor: MetadataCursor): Promise<Body> {
  const { blocksStart, size, ...fields } = await parse(cursor, fileLayout);
  return fileBody(volume, { ...fields, links: 1, start: BigInt(blocksStart), size: BigInt(size) }, cursor);
}

async function extendedFile(volume: Volume, cursor: MetadataCursor): Promise<Body> {
  const { blocksStart, ...fields } = await parse(cursor, extendedFileLayout);
  return fileBody(volume, { ...fields, start: blocksStart }, cursor);
}

interface FileFields {
  readonly start: bigint;
  readonly size: bigint;
  readonly links: number;
  readonly fragmentIndex: number;
  readonly fragmentOffset: number;
  readonly xattrIndex?: number;
}

function fileBody(volume: Volume, fields: FileFields, afterInode: MetadataCursor): Body {
  const { start, size, links, fragmentIndex, fragmentOffset } = fields;
  const { inodeTable, directoryTable, blockSize } = volume.superblock;
  // every block has four bytes in the inode table, whose blocks take at least three bytes each
  const mostBlocks = ((directoryTable - inodeTable) / 3n + 1n) * BigInt(metadataBytes / 4);
  if (size / BigInt(blockSize) > mostBlocks) {
    throw corrupt(
      volume.source.name,
      `a file of ${size} bytes has more blocks than the inode table can list`,
    );
  }
  return {
    kind: 'file',
    links,
    size,
    ...(fields.xattrIndex === undefined ? {} : { xattrIndex: fields.xattrIndex }),
    content: {
      start,
      sizes: afterInode.place,
      fragment: fragmentIndex === none32 ? undefined : { index: fragmentIndex, offset: fragmentOffset },
    },
  };
}

async function symlink(volume: Volume, cursor: MetadataCursor, extended: boolean): Promise<Body> {
  const { links, targetSize } = await parse(cursor, symlinkLayout);
  if (targetSize > maxTargetBytes) {
    throw corrupt(
      volume.source.name,
      `the target of a symlink has ${targetSize} bytes, more than ${maxTargetBytes}`,
    );
  }
  const target = cursor.place;
  const body = { kind: 'symlink', links, size: BigInt(targetSize), target } as const;
  if (!extended) return body;
  await cursor.skip(targetSize);
  return { ...body, xattrIndex: (await cursor.read(4)).readUInt32LE(0) };
}

function device(kind: 'block' | 'character'): ReadBody {
  return async (_volume, cursor) => ({ kind, ...(await parse(cursor, deviceLayout)) });
}

function extendedDevice(kind: 'block' | 'character'): ReadBody {
  return async (_volume, cursor) => ({ kind, ...(await parse(cursor, extendedDeviceLayout)) });
}

function ipc(kind: 'fifo' | 'socket'): ReadBody {
  return async (_volume, cursor) => ({ kind, ...(await parse(cursor, ipcLayout)) });
}

function extendedIpc(kind: 'fifo' | 'socket'): ReadBody {
  return async (_volume, cursor) => ({ kind, ...(await parse(cursor, extendedIpcLayout)) });
}

/** 12 bits of major number between 8 and 12 bits of minor, as the kernel encodes a dev_t in 32 bits. */
function splitDevice(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}
