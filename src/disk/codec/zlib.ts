/** zlib (RFC 1950) and raw deflate (RFC 1951), by Node's own zlib. */
import type { Transform } from 'node:stream';
import { createInflate, createInflateRaw, inflate, inflateRaw, inflateRawSync, inflateSync } from 'node:zlib';
import type { InputType, ZlibOptions } from 'node:zlib';
import { CorruptBlock } from './codec.ts';
import type { Codec, OutputSize } from './codec.ts';

/**
 * Blocks that expand to at most this are inflated in place: 40 µs for 8 KiB, 0.3 to 0.5 ms for 128 KiB, where the
 * way through the thread pool, or through a stream, costs 0.2 ms more.
 */
const syncBytes = 128 * 1024;

/** One of the formats of Node's zlib. */
export interface Flavour {
  readonly sync: (input: InputType, options: ZlibOptions) => Buffer;
  readonly async: (
    input: InputType,
    options: ZlibOptions,
    done: (error: Error | null, output: Buffer) => void,
  ) => void;
  readonly stream: (options: ZlibOptions) => Transform;
  readonly options?: ZlibOptions & { readonly params?: Readonly<Record<number, number>> };
}

/** The decompressor of squashfs "gzip" blocks. */
export const zlib: Codec = inflater({ sync: inflateSync, async: inflate, stream: createInflate });

/** The decompressor of erofs "deflate" blocks. */
export const deflate: Codec = inflater({
  sync: inflateRawSync,
  async: inflateRaw,
  stream: createInflateRaw,
});

/** A codec by Node's zlib. */
export function inflater(flavour: Flavour): Codec {
  return {
    cheapBytes: syncBytes,
    async decompress(input, size) {
      try {
        return await (size.wanted === undefined
          ? inflateAll(flavour, input, size.maxOutput)
          : inflatePrefix(flavour, input, size));
      } catch (error) {
        throw new CorruptBlock(reason(error, size), { cause: error });
      }
    },
  };
}

async function inflateAll(flavour: Flavour, input: Buffer, maxOutput: number): Promise<Buffer> {
  // one chunk holds the whole output, so nothing is copied together at the end
  const options = { ...flavour.options, maxOutputLength: maxOutput, chunkSize: Math.max(64, maxOutput) };
  if (maxOutput <= syncBytes) return flavour.sync(input, options);
  return await new Promise((resolve, reject) => {
    flavour.async(input, options, (error, output) => {
      if (error === null) resolve(output);
      else reject(error);
    });
  });
}

/** Inflates until enough is there. What comes after is left alone, even if it is corrupt or would not fit. */
async function inflatePrefix(flavour: Flavour, input: Buffer, size: OutputSize): Promise<Buffer> {
  const wanted = Math.min(size.wanted ?? size.maxOutput, size.maxOutput);
  if (size.maxOutput <= syncBytes) {
    try {
      return (await inflateAll(flavour, input, size.maxOutput)).subarray(0, wanted);
    } catch {
      // whatever is wrong with it may come after what is wanted; the stream below finds out
    }
  }
  const stream = flavour.stream({ ...flavour.options, chunkSize: Math.max(64, wanted) });
  const parts: Buffer[] = [];
  let length = 0;
  stream.end(input);
  // leaving the loop destroys the stream
  for await (const part of stream as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length >= wanted) break;
  }
  const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  return whole.subarray(0, wanted);
}

function reason(error: unknown, size: OutputSize): string {
  if (!(error instanceof Error)) return String(error);
  if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') {
    return `it expands to more than ${size.maxOutput} bytes`;
  }
  return error.message;
}
