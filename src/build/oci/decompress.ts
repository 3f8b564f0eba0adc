/**
 * Layers, uncompressed: gzip by Node, zstd by Node where it can (from 22.15 on), else by zstd(1). Streamed: neither the
 * layer nor what is in it is ever in memory as a whole.
 */
import { spawn } from 'node:child_process';
import { Readable, pipeline } from 'node:stream';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { PortableError } from '../../base/errors.ts';

/** What a layer's first bytes say it is. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Bytes that the first look at a layer needs. */
export const magicBytes = 6;

/** RFC 1952, RFC 8878; of those that no container tool writes, to say so. */
const magics: readonly (readonly [hex: string, name: string])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
];

/**
 * @param start the layer's first `magicBytes` bytes
 * @throws PortableError NotSupported for formats that layers do not come in
 */
export function compressionOf(start: Buffer, layer: string, file: string): Compression {
  const name = magics.find(([hex]) => start.toString('hex').startsWith(hex))?.[1];
  if (name === undefined) return 'none';
  if (name === 'gzip' || name === 'zstd') return name;
  throw new PortableError('NotSupported', `${layer} is compressed with ${name}`, {
    file,
    hint: 'layers are plain, gzip or zstd (OCI Image Format Specification, layer.md)',
  });
}

/**
 * @param layer which one it is, for messages
 * @throws PortableError InvalidArgs when the data is bad or cut off; and what `pieces` throws
 */
export async function* decompressed(
  pieces: AsyncIterable<Buffer>,
  compression: Compression,
  layer: string,
  file: string,
): AsyncGenerator<Buffer, void> {
  if (compression === 'none') {
    yield* pieces;
    return;
  }
  const native = compression === 'gzip' ? zlib.createGunzip() : nativeZstd();
  if (native === undefined) {
    yield* byZstdProgram(pieces, layer, file);
    return;
  }
  // the error comes out of the loop below, as that of the last stream
  pipeline(Readable.from(pieces), native, () => undefined);
  try {
    for await (const piece of native as AsyncIterable<Buffer>) yield piece;
  } catch (error) {
    throw isZlibError(error) ? corrupt(layer, file, error) : error;
  }
}

/** The largest window that a frame may make the library allocate: 2^27 bytes, as zstd(1) does unasked. */
const maxWindowLog = 27;

/** The types are those of the oldest Node that we run on. */
function nativeZstd(): Transform | undefined {
  const create: unknown = Reflect.get(zlib, 'createZstdDecompress');
  const parameter: unknown = Reflect.get(zlib.constants, 'ZSTD_d_windowLogMax');
  if (typeof create !== 'function' || typeof parameter !== 'number') return undefined;
  return (create as (options: unknown) => Transform)({ params: { [parameter]: maxWindowLog } });
}

async function* byZstdProgram(
  pieces: AsyncIterable<Buffer>,
  layer: string,
  file: string,
): AsyncGenerator<Buffer, void> {
  const child = spawn('zstd', ['-d', '-c', '-q', '--memory=128MB'], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<Outcome>((resolve) => {
    child.once('error', (error) => resolve({ error, status: null }));
    child.once('close', (status) => resolve({ error: undefined, status }));
  });
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => (said = (said + bytes.toString()).slice(0, 1000)));
  let inputError: unknown;
  pipeline(Readable.from(pieces), child.stdin, (error) => (inputError = error));
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const { error, status } = await ended;
    if (inputError instanceof PortableError) throw inputError;
    if (error !== undefined) throw noZstd(layer, file, error);
    if (status !== 0)
      throw corrupt(layer, file, new Error(said.trim().split('\n')[0] ?? `status ${String(status)}`));
  } finally {
    child.kill();
  }
}

interface Outcome {
  /** The program could not be started. */
  readonly error: Error | undefined;
  readonly status: number | null;
}

function noZstd(layer: string, file: string, cause: Error): PortableError {
  return new PortableError(
    'NotSupported',
    `${layer} is compressed with zstd, which this Node does not know, and the program "zstd" cannot be started`,
    { file, cause, hint: 'apt-get install zstd, or use Node 22.15 or newer' },
  );
}

/** Errors of Node's zlib have codes like "Z_BUF_ERROR" and "ZSTD_error_…". */
function isZlibError(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && /^(Z_|ZSTD_|ERR_ZSTD)/.test(String(error.code));
}

function corrupt(layer: string, file: string, cause: Error): PortableError {
  return new PortableError('InvalidArgs', `${layer} cannot be decompressed: ${cause.message}`, {
    file,
    cause,
    hint: 'it was changed or damaged: fetch the container image again',
  });
}
