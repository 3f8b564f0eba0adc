/** Where the bytes of a staged file come from. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { fileError, PortableError, quoted } from '../base/errors.ts';

/** The bytes of a file, to be read when they are needed: any number of times, in any order. */
export interface FileContent {
  /** Bytes. */
  readonly size: number;
  /** The file they come from, for messages; undefined for what we made ourselves. */
  readonly file: string | undefined;
  open(): Promise<OpenContent>;
}

/** Content that is being read; the caller closes it. */
export interface OpenContent {
  /** Up to `length` bytes from `offset`; shorter only at the end. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** How much of a file is in memory at a time, bytes. */
const pieceBytes = 1024 * 1024;

/** Bytes that we made. */
export function inlineContent(bytes: Buffer | string): FileContent {
  const buffer = Buffer.from(bytes);
  const read = (offset: number, length: number): Promise<Buffer> =>
    Promise.resolve(buffer.subarray(offset, offset + length));
  const opened = { read, close: () => Promise.resolve() };
  return { size: buffer.length, file: undefined, open: () => Promise.resolve(opened) };
}

/**
 * A part of a file on disk, or all of it. Opening it does not follow a symlink in the last component.
 * @param start where the part begins, bytes
 */
export function diskContent(file: string, size: number, start = 0): FileContent {
  return { size, file, open: () => openPart(file, size, start) };
}

async function openPart(file: string, size: number, start: number): Promise<OpenContent> {
  try {
    // O_NONBLOCK: what has become a pipe meanwhile must not make us wait
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return {
      async read(offset, length) {
        const wanted = Math.max(0, Math.min(length, size - offset));
        const buffer = Buffer.allocUnsafe(wanted);
        const { bytesRead } = await handle.read(buffer, 0, wanted, start + offset);
        return buffer.subarray(0, bytesRead);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

/**
 * All bytes, piece by piece: exactly `content.size` of them.
 * @throws PortableError Failed when the file has shrunk meanwhile; file-system errors
 */
export async function* piecesOf(content: FileContent): AsyncGenerator<Buffer, void> {
  const opened = await content.open();
  try {
    for (let offset = 0; offset < content.size;) {
      const piece = await opened.read(offset, pieceBytes);
      if (piece.length === 0) {
        const file = content.file ?? '';
        throw new PortableError('Failed', `${quoted(file)} became shorter while it was read`, { file });
      }
      offset += piece.length;
      yield piece;
    }
  } catch (error) {
    throw fileError(error, 'read', content.file ?? 'inline content');
  } finally {
    await opened.close();
  }
}

/**
 * All bytes at once.
 * @throws PortableError LimitsExceeded when there are more than `limit`; as piecesOf
 */
export async function wholeContent(content: FileContent, limit: number): Promise<Buffer> {
  if (content.size > limit) {
    const file = content.file ?? '';
    throw new PortableError('LimitsExceeded', `${quoted(file)} is larger than ${limit} bytes`, { file });
  }
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(content)) pieces.push(piece);
  return Buffer.concat(pieces);
}
