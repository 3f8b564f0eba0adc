/** The superblock: what the image is made of, and whether all of it is there. */
import { PortableError, quoted } from '../../base/errors.ts';
import type { CodecName } from '../codec/index.ts';
import type { BlockSource } from '../source.ts';
import { corrupt, unsupported } from './errors.ts';
import {
  flags,
  knownFlags,
  lz4OptionsLayout,
  magic,
  maxBlockBytes,
  metadataHeaderBytes,
  minBlockBytes,
  noTable,
  superblockLayout,
} from './format.ts';

/** Positions are bytes from the start of the image, and inside it; `bytesUsed` is where it ends. */
export interface Superblock {
  readonly codec: CodecName;
  /** Bytes. */
  readonly blockSize: number;
  readonly bytesUsed: bigint;
  /** Reference of the root directory's inode. */
  readonly rootInode: bigint;
  readonly inodeTable: bigint;
  readonly directoryTable: bigint;
  readonly idTable: bigint;
  readonly idCount: number;
  readonly fragmentTable: bigint | undefined;
  readonly fragmentCount: number;
  readonly xattrTable: bigint | undefined;
}

type Raw = ReturnType<typeof superblockLayout.parse>;

/** By the number in the superblock. */
const compressors: readonly (CodecName | undefined)[] = [
  undefined,
  'zlib',
  'lzma',
  'lzo',
  'xz',
  'lz4',
  'zstd',
];

/** Whether it starts like a squashfs, of any version and byte order. */
export async function isSquashfs(source: BlockSource): Promise<boolean> {
  if (source.size < 4n) return false;
  const bytes = await source.read(0n, 4);
  return bytes.readUInt32LE(0) === magic || bytes.readUInt32BE(0) === magic;
}

/**
 * Reads and checks the superblock.
 * @throws PortableError InvalidArgs when it is not a squashfs, or truncated, or corrupt; NotSupported naming a
 *   version, byte order, compressor or flag that is not known
 */
export async function readSuperblock(source: BlockSource): Promise<Superblock> {
  const { name } = source;
  const { size } = superblockLayout;
  if (source.size < BigInt(size)) throw corrupt(name, `its ${source.size} bytes cannot hold a superblock`);
  const bytes = await source.read(0n, size);
  if (bytes.readUInt32BE(0) === magic) throw unsupported(name, 'big-endian numbers (a version before 4.0)');
  const raw = superblockLayout.parse(bytes);
  if (raw.magic !== magic) {
    throw new PortableError('InvalidArgs', `${quoted(name)} is not a squashfs: it lacks the magic`, {
      file: name,
    });
  }
  if (raw.majorVersion !== 4 || raw.minorVersion !== 0) {
    throw unsupported(
      name,
      `version ${raw.majorVersion}.${raw.minorVersion} of the format; only 4.0 is known`,
    );
  }
  const codec = compressors[raw.compressor];
  if (codec === undefined) throw unsupported(name, `the unknown compressor ${raw.compressor}`);
  const unknown = raw.flags & ~knownFlags;
  if (unknown !== 0) {
    throw unsupported(
      name,
      `the unknown flags 0x${unknown.toString(16)} (flags 0x${raw.flags.toString(16)})`,
    );
  }
  checkSizes(source, raw);
  checkTables(name, raw);
  if (codec === 'lz4') await checkLz4Options(source, raw);
  return {
    ...raw,
    codec,
    fragmentTable: raw.fragmentTable === noTable || raw.fragmentCount === 0 ? undefined : raw.fragmentTable,
    xattrTable: raw.xattrTable === noTable || (raw.flags & flags.noXattrs) !== 0 ? undefined : raw.xattrTable,
  };
}

function checkSizes(source: BlockSource, raw: Raw): void {
  const { name } = source;
  const { blockSize, blockLog, bytesUsed } = raw;
  const isPower = (blockSize & (blockSize - 1)) === 0;
  if (!isPower || blockSize < minBlockBytes || blockSize > maxBlockBytes) {
    throw corrupt(name, `the superblock has ${blockSize} as block size`);
  }
  if (2 ** blockLog !== blockSize) {
    throw corrupt(name, `the superblock has ${blockSize} as block size, but ${blockLog} as its logarithm`);
  }
  if (bytesUsed > source.size) {
    throw corrupt(name, `it says that it has ${bytesUsed} bytes, and there are ${source.size}`);
  }
}

/** Every table in use starts inside the image, and inodes come before directories. */
function checkTables(name: string, raw: Raw): void {
  const tables: readonly (readonly [string, bigint])[] = [
    ['inode', raw.inodeTable],
    ['directory', raw.directoryTable],
    ['id', raw.idTable],
    ...(raw.fragmentCount === 0 ? [] : ([['fragment', raw.fragmentTable]] as const)),
    ...(raw.xattrTable === noTable ? [] : ([['xattr', raw.xattrTable]] as const)),
  ];
  for (const [table, position] of tables) {
    if (position < BigInt(superblockLayout.size) || position >= raw.bytesUsed) {
      throw corrupt(
        name,
        `the ${table} table would be at ${position}, outside the image's ${raw.bytesUsed} bytes`,
      );
    }
  }
  if (raw.inodeTable >= raw.directoryTable) {
    throw corrupt(name, `the inode table at ${raw.inodeTable} is not before the directory table`);
  }
  if (raw.idCount === 0) throw corrupt(name, 'its id table is empty');
}

/** lz4 has a version number of its own, in the options behind the superblock; the kernel too knows only 1. */
async function checkLz4Options(source: BlockSource, raw: Raw): Promise<void> {
  const position = BigInt(superblockLayout.size + metadataHeaderBytes);
  if (
    (raw.flags & flags.compressorOptions) === 0 ||
    position + BigInt(lz4OptionsLayout.size) > raw.bytesUsed
  ) {
    throw corrupt(source.name, 'the options that lz4 must have are missing');
  }
  const { version } = lz4OptionsLayout.parse(await source.read(position, lz4OptionsLayout.size));
  if (version !== 1) throw unsupported(source.name, `version ${version} of lz4`);
}
