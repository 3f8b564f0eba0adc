/**
 * A layer as an archive that can be read at any place, once its digests have been found to be right: the layer's own
 * file when it is not compressed, else what it expands to, in a scratch file.
 */
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { fileError, PortableError, quoted } from '../../base/errors.ts';
import { openFileSource } from '../../disk/file-source.ts';
import type { BlockSource } from '../../disk/source.ts';
import { compressionOf, decompressed, magicBytes } from './decompress.ts';
import { checkDigest, piecesOfSource, startDigest } from './digest.ts';
import type { LayoutFiles } from './files.ts';
import { harmlessBytes } from './limits.ts';
import type { UnpackLimits } from './limits.ts';
import type { LayerFile } from './manifest.ts';

export interface UnpackOptions {
  /** A directory of ours for what layers expand to. */
  readonly scratch: string;
  readonly limits: UnpackLimits;
  /** Bytes that this layer may still expand to of `limits.totalBytes`. */
  readonly left: number;
  readonly signal?: AbortSignal | undefined;
}

/** How messages call a layer. @param number from 1, the lowest */
export function layerName(number: number, { diffId }: LayerFile): string {
  return `layer ${number} (${diffId.algorithm}:${diffId.hex.slice(0, 12)}…)`;
}

/**
 * @param number of the layer, from 1
 * @returns to be closed by the caller; its name tells layer and image
 * @throws PortableError InvalidArgs for a wrong digest, a wrong size, and data that is bad or cut off; LimitsExceeded
 *   when it expands too far; file-system errors of the scratch directory
 */
export async function unpackLayer(
  files: LayoutFiles,
  layer: LayerFile,
  number: number,
  options: UnpackOptions,
): Promise<BlockSource> {
  const name = layerName(number, layer);
  const stored = await files.open(layer.file);
  if (stored === undefined) {
    throw new PortableError('FileNotFound', `${quoted(files.name)} lacks ${quoted(layer.file)}, ${name}`, {
      file: files.name,
      hint: 'the copy is incomplete: fetch the container image again',
    });
  }
  const place: Place = { layer, name, file: files.name, scratch: `${options.scratch}/layer-${number}.tar` };
  try {
    await checkStored(stored, place, options);
    const archive = await expand(stored, place, options);
    if (archive !== stored) await stored.close();
    return renamed(archive, `${files.name}, ${name}`);
  } catch (error) {
    await stored.close();
    throw error;
  }
}

/** Which layer it is, and where it goes. */
interface Place {
  readonly layer: LayerFile;
  readonly name: string;
  /** The container image. */
  readonly file: string;
  readonly scratch: string;
}

/** Size and digest of the layer as it lies there, before anything makes sense of its bytes. */
async function checkStored(stored: BlockSource, place: Place, { signal }: UnpackOptions): Promise<void> {
  const { layer, name, file } = place;
  if (layer.size !== undefined && BigInt(layer.size) !== stored.size) {
    throw new PortableError(
      'InvalidArgs',
      `${name} of ${quoted(file)} has ${stored.size} bytes, and should have ${layer.size}`,
      { file, hint: 'it was cut off or damaged: fetch the container image again' },
    );
  }
  if (layer.digest === undefined) return;
  const hash = startDigest(layer.digest);
  for await (const piece of piecesOfSource(stored, signal)) hash.update(piece);
  checkDigest(hash, layer.digest, name, file);
}

/** The layer itself when it is not compressed, else the scratch file with what is in it. */
async function expand(stored: BlockSource, place: Place, options: UnpackOptions): Promise<BlockSource> {
  const { layer, name, file, scratch } = place;
  const start = await stored.read(0n, Math.min(magicBytes, Number(stored.size)));
  const compression = compressionOf(start, name, file);
  const hash = startDigest(layer.diffId);
  const pieces = decompressed(piecesOfSource(stored, options.signal), compression, name, file);
  const content = observed(pieces, stored.size, place, options, (piece) => hash.update(piece));
  await (compression === 'none' ? drain(content) : write(content, scratch));
  checkDigest(hash, layer.diffId, `what is in ${name}`, file);
  return compression === 'none' ? stored : await openFileSource(scratch);
}

/** The pieces as they pass by, until there are too many. */
async function* observed(
  pieces: AsyncIterable<Buffer>,
  stored: bigint,
  { name, file }: Place,
  { limits, left }: UnpackOptions,
  observe: (piece: Buffer) => void,
): AsyncGenerator<Buffer, void> {
  const byRatio = Math.max(harmlessBytes, Number(stored) * limits.ratio);
  let total = 0;
  for await (const piece of pieces) {
    total += piece.length;
    if (total > byRatio) throw bomb(name, file, `to more than ${limits.ratio} times its size`, '--max-ratio');
    if (total > left)
      throw bomb(name, file, `the image to more than ${limits.totalBytes} bytes`, '--max-size');
    observe(piece);
    yield piece;
  }
}

function bomb(name: string, file: string, what: string, option: string): PortableError {
  return new PortableError('LimitsExceeded', `${name} of ${quoted(file)} expands ${what}`, {
    file,
    hint: `if you trust it, allow more with ${option}`,
  });
}

async function drain(pieces: AsyncGenerator<Buffer, void>): Promise<void> {
  while ((await pieces.next()).done !== true);
}

async function write(pieces: AsyncIterable<Buffer>, file: string): Promise<void> {
  try {
    await pipeline(pieces, createWriteStream(file, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    throw fileError(error, 'write', file);
  }
}

/** The same bytes, called otherwise in messages. */
function renamed(source: BlockSource, name: string): BlockSource {
  return {
    name,
    size: source.size,
    get bytesRead() {
      return source.bytesRead;
    },
    read: (offset, length) => source.read(offset, length),
    close: () => source.close(),
  };
}
