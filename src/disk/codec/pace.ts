/** Long work in slices, so that the event loop gets its turn in between. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes decoded between two turns of the event loop: 2 to 4 ms of LZMA. */
export const sliceBytes = 64 * 1024;

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
