/**
 * zstd, RFC 8878: by Node's zlib where it knows it (from 22.15 on), which is five times as fast, else by a decoder
 * of our own.
 */
import * as nodeZlib from 'node:zlib';
import type { Codec } from '../codec.ts';
import { inflater } from '../zlib.ts';
import type { Flavour } from '../zlib.ts';
import { decompress, open } from './frame.ts';

/** The decoder of our own, on any Node. */
export const portableZstd: Codec = { decompress, open };

/** The largest window that a frame may make the library allocate: 2^23 bytes, as RFC 8878 recommends. */
const maxWindowLog = 23;

const native = nativeFlavour();

export const zstd: Codec = native === undefined ? portableZstd : preferring(inflater(native));

/**
 * What the library refuses, or finds nothing in, goes to our own decoder: it needs no memory for a window, and says
 * more of what is wrong.
 */
function preferring(library: Codec): Codec {
  return {
    ...library,
    async decompress(input, size) {
      try {
        const bytes = await library.decompress(input, size);
        if (bytes.length > 0) return bytes;
      } catch {
        // see above
      }
      return await portableZstd.decompress(input, size);
    },
  };
}

function nativeFlavour(): Flavour | undefined {
  // the types are those of the oldest Node that we run on
  const find = (name: string): unknown => Reflect.get(nodeZlib, name);
  const [sync, async, stream] = ['zstdDecompressSync', 'zstdDecompress', 'createZstdDecompress'].map(find);
  const parameter: unknown = Reflect.get(nodeZlib.constants, 'ZSTD_d_windowLogMax');
  if (typeof sync !== 'function' || typeof async !== 'function' || typeof stream !== 'function')
    return undefined;
  return {
    sync: sync as Flavour['sync'],
    async: async as Flavour['async'],
    stream: stream as Flavour['stream'],
    options: typeof parameter === 'number' ? { params: { [parameter]: maxWindowLog } } : {},
  };
}
