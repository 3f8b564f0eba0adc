/** How much of a file one call gives. */
import type { Budget } from './budget.ts';

/** Bytes that one call may ask for; nobody who reads images in pieces needs more. */
const maxRead = 2 ** 30;

/**
 * Of `length` bytes asked for from `offset`, those that a file of `size` bytes has; 0 outside of it.
 * @throws PortableError LimitsExceeded when they are too many for one call
 */
export function readLength(budget: Budget, size: bigint, offset: bigint, length: number): number {
  const left = size - offset;
  if (offset < 0n || left <= 0n || length <= 0) return 0;
  const wanted = left < BigInt(length) ? Number(left) : length;
  if (wanted > maxRead) throw budget.exceeded(`${wanted} bytes of a file asked for at once`);
  return wanted;
}
