/** Reading much of a source without needing twice its memory. */
import type { Budget } from './budget.ts';
import type { BlockSource } from './source.ts';

/** Asked of the source at once, bytes. */
const pieceSize = 1024 * 1024;

/** Fills `target` with the bytes of `source` from `start` on. @throws PortableError LimitsExceeded; what the source throws */
export async function readInto(
  source: BlockSource,
  budget: Budget,
  target: Buffer,
  start: bigint,
): Promise<void> {
  for (let done = 0; done < target.length; done += pieceSize) {
    budget.checkTime();
    const length = Math.min(pieceSize, target.length - done);
    (await source.read(start + BigInt(done), length)).copy(target, done);
  }
}
