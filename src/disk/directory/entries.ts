/** The entries of a directory of the host, streamed: memory does not grow with their number. */
import { type Dir, type Dirent, opendirSync } from 'node:fs';
import type { DirectoryEntry, NodeKind } from '../tree.ts';
import { descriptorPath } from '../inode.ts';

/** Entries fetched by one call into libuv. */
const batch = 256;

/**
 * Every entry of the directory that `fd` is open on, in the file system's order, without '.' and '..'.
 * @throws the errno of opendir(3) or readdir(3)
 */
export function* readEntries(fd: number): Generator<DirectoryEntry> {
  const directory = openBytes(Buffer.from(descriptorPath(fd)));
  try {
    for (;;) {
      const entry = directory.readSync();
      if (entry === null) return;
      yield { name: entry.name, kind: kindOfEntry(entry) };
    }
  } finally {
    directory.closeSync();
  }
}

/** A directory stream that gives names as bytes. */
type ByteDir = Omit<Dir, 'readSync'> & { readSync(): Dirent<Buffer> | null };

/** opendir(3) for names that need not be UTF-8: Node takes 'buffer' here as readdir does, its types do not say so. */
function openBytes(path: Buffer): ByteDir {
  const encoding = 'buffer' as BufferEncoding;
  return opendirSync(path, { encoding, bufferSize: batch }) as unknown as ByteDir;
}

function kindOfEntry(entry: Dirent<Buffer>): NodeKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  if (entry.isCharacterDevice()) return 'character';
  return 'block';
}
