/** What is stored twice: a copy that is bad says nothing of the other. */
import { PortableError } from '../../base/errors.ts';

/** A copy that was read, and is not what was stored. */
export class BadCopy extends Error {
  override readonly name = 'BadCopy';
  /** What is said when no other copy is good. */
  readonly refusal: PortableError;

  constructor(refusal: PortableError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/**
 * What the first of the copies gives that can be read and is good. A copy that does not match a hash tree is no such one: then
 * the image was changed.
 * @param read throws BadCopy for a bad one
 * @throws what the first one failed with, when none is good; everything but bad copies and errors of the medium, at once
 */
export async function firstGood<T>(
  copies: readonly bigint[],
  read: (physical: bigint) => Promise<T>,
): Promise<T> {
  let failure: unknown;
  for (const copy of copies) {
    try {
      return await read(copy);
    } catch (error) {
      if (!(error instanceof BadCopy) && !isMediumError(error)) throw error;
      failure ??= error instanceof BadCopy ? error.refusal : error;
    }
  }
  throw failure;
}

/** An error of reading that another place may not have. */
export function isMediumError(error: unknown): boolean {
  return error instanceof PortableError && error.code === 'IOError';
}
