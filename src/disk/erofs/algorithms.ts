/**
 * The compression algorithms of an image and their configuration records, which follow the superblock:
 * https://erofs.docs.kernel.org/en/latest/ondisk/compressed_format.html#per-algorithm-configuration-records
 */
import type { CodecName } from '../codec/index.ts';
import { corrupt, unsupported } from './errors.ts';
import { superblockOffset, sizeOf, incompatFeatures } from './format.ts';
import type { MetadataSpace } from './metadata.ts';

/** Algorithm number → codec, and what its record must say for us to decode it. */
const algorithms: readonly Algorithm[] = [
  { name: 'LZ4', codec: 'lz4', recordSize: 14, check: () => undefined },
  { name: 'LZMA', codec: 'microlzma', recordSize: 14, check: checkLzma },
  { name: 'DEFLATE', codec: 'deflate', recordSize: 6, check: checkDeflate },
  { name: 'Zstandard', codec: 'zstd', recordSize: 6, check: checkZstd },
];

interface Algorithm {
  readonly name: string;
  readonly codec: CodecName;
  /** Bytes, without the length before it. */
  readonly recordSize: number;
  /** What the record asks that we do not have, in words. */
  readonly check: (record: Buffer) => string | undefined;
}

/** The codecs of an image, by algorithm number. */
export type Codecs = readonly (CodecName | undefined)[];

/** The only codec of images that do not say: the first format had no other. */
export const lz4Only: Codecs = ['lz4'];

/** @throws PortableError NotSupported for an algorithm that is not known, InvalidArgs for a corrupt record */
export async function readCodecs(image: MetadataSpace): Promise<Codecs> {
  const superblock = await image.read(superblockOffset, sizeOf.superblock);
  if ((superblock.readUInt32LE(0x50) & incompatFeatures.compressionConfigs) === 0) return lz4Only;
  const available = superblock.readUInt16LE(0x54);
  const extensions = superblock.readUInt8(0x0d) * sizeOf.extensionSlot;
  let at = superblockOffset + BigInt(sizeOf.superblock + extensions);
  const codecs: (CodecName | undefined)[] = [];
  for (let number = 0; available >> number !== 0; number++) {
    if (((available >> number) & 1) === 0) continue;
    const algorithm = algorithms[number];
    if (algorithm === undefined) throw unsupported(image.name, `the unknown compression algorithm ${number}`);
    const length = (await image.read(at, 2)).readUInt16LE(0);
    if (length < algorithm.recordSize) {
      throw corrupt(image.name, `the ${algorithm.name} configuration at offset ${at} has ${length} bytes`);
    }
    const problem = algorithm.check(await image.read(at + 2n, algorithm.recordSize));
    if (problem !== undefined) throw unsupported(image.name, `${algorithm.name} compression with ${problem}`);
    codecs[number] = algorithm.codec;
    at += 2n + BigInt(length);
  }
  return codecs;
}

const maxLzmaDictionary = 8 * 1024 * 1024;

function checkLzma(record: Buffer): string | undefined {
  const dictionary = record.readUInt32LE(0);
  if (dictionary > maxLzmaDictionary) return `a dictionary of ${dictionary} bytes`;
  const format = record.readUInt16LE(4);
  return format === 0 ? undefined : `the unknown format ${format}`;
}

function checkDeflate(record: Buffer): string | undefined {
  const bits = record.readUInt8(0);
  return bits <= 15 ? undefined : `a window of 2^${bits} bytes`;
}

function checkZstd(record: Buffer): string | undefined {
  const format = record.readUInt8(0);
  if (format !== 0) return `the unknown format ${format}`;
  const bits = record.readUInt8(1) + 10;
  return bits <= 20 ? undefined : `a window of 2^${bits} bytes`;
}
