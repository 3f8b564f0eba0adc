/** Long work in slices, so that the event loop gets its turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LzmaDecoder } from './lzma-decoder.ts';

/** Bytes decoded between two turns of the event loop: 2 to 4 ms of LZMA. */
const sliceBytes = 64 * 1024;

/** Counts work, and says when the event loop is due. */
export class Pacer {
  #done = 0;

  /** @param work as many bytes of output as this work would have made */
  async spend(work: number): Promise<void> {
    this.#done += work;
    if (this.#done < sliceBytes) return;
    this.#done = 0;
    await nextTurn();
  }
}

/** Runs the decoder up to `limit` bytes of output. @returns false when the end marker came before */
export async function runSliced(decoder: LzmaDecoder, limit: number): Promise<boolean> {
  while (decoder.position + sliceBytes < limit) {
    if (!decoder.run(decoder.position + sliceBytes)) return false;
    await nextTurn();
  }
  return decoder.run(limit);
}
