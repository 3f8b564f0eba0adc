import type { FileHandle } from 'node:fs/promises';

/** Writes all of `content` from `position` on; write(2) may take less at a time. */
export async function writeAll(file: FileHandle, content: Uint8Array, position = 0): Promise<void> {
  let written = 0;
  while (written < content.length) {
    const rest = content.length - written;
    const { bytesWritten } = await file.write(content, written, rest, position + written);
    written += bytesWritten;
  }
}
