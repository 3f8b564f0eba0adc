/** LZMA in slices, so that the event loop gets its turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sliceBytes } from '../pace.ts';
import type { LzmaDecoder } from './decoder.ts';

/** Runs the decoder up to `limit` bytes of output. @returns false when the end marker came before */
export async function runSliced(decoder: LzmaDecoder, limit: number): Promise<boolean> {
  while (decoder.position + sliceBytes < limit) {
    if (!decoder.run(decoder.position + sliceBytes)) return false;
    await nextTurn();
  }
  return decoder.run(limit);
}
