import { writeSync } from 'node:fs';

/** Writes all of `content` to an open file, from `position` on: write(2) may take less at a time. */
export function writeAll(descriptor: number, content: Uint8Array, position = 0): void {
  for (let written = 0; written < content.length;) {
    written += writeSync(descriptor, content, written, content.length - written, position + written);
  }
}
