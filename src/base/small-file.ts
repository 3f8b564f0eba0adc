import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

import { errnoOf, fileError, PortableError, quoted } from './errors.ts';

/**
 * What a small file says. No pipe makes anybody wait, no terminal becomes ours, and nothing is read of what is too
 * large. Synchronous: a few µs, ten times that through the thread pool.
 * @param maxBytes what a file of this sort may have
 * @param shown what errors call it
 * @returns undefined when nothing is there, 'other' for what is no regular file
 * @throws PortableError LimitsExceeded; file-system errors
 */
export function readSmallFile(
  onDisk: string,
  maxBytes: number,
  shown = onDisk,
): Buffer | 'other' | undefined {
  try {
    const file = openSync(onDisk, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const status = fstatSync(file);
      if (!status.isFile()) return 'other';
      if (status.size > maxBytes) throw tooLarge(shown, status.size, maxBytes);
      return readFileSync(file);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // ENXIO: a socket
    if (errnoOf(error) === 'ENXIO') return 'other';
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw fileError(error, 'read', shown);
  }
}

function tooLarge(file: string, size: number, most: number): PortableError {
  return new PortableError('LimitsExceeded', `${quoted(file)} has ${size} bytes, more than ${most}`, {
    file,
  });
}
