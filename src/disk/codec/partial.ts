/** Blocks of which the start is enough at first, by decompressors that cannot go on where they stopped. */
import type { Decompressor, PartialBlock } from './codec.ts';

/**
 * The first call decompresses just what it needs: often that is all that is ever asked for. The second one
 * decompresses everything.
 *
 * @param cheapBytes blocks of at most this many bytes are decompressed whole at once
 */
export function restarted(
  decompress: Decompressor,
  input: Buffer,
  maxOutput: number,
  cheapBytes = 0,
): PartialBlock {
  let bytes: Buffer | undefined;
  let complete = false;
  return {
    get complete() {
      return complete;
    },
    async upTo(length) {
      if (bytes !== undefined && (complete || bytes.length >= length)) return bytes;
      const some = bytes === undefined && length < maxOutput && maxOutput > cheapBytes;
      bytes = await decompress(input, { maxOutput, wanted: some ? length : undefined });
      complete = !some || bytes.length < length;
      return bytes;
    },
  };
}
