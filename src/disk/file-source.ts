/**
 * A block source over a raw file or a block device of the host. Reads go to the thread pool, so that a slow disk
 * holds up nobody else; a small cache of aligned pages spares the many short reads of a metadata walk the trip.
 */
import { closeSync, fstatSync, read } from 'node:fs';
import { deviceSectorSize, deviceSize } from '../base/device.ts';
import { PortableError, fileError, quoted } from '../base/errors.ts';
import { readHostXattrs, type ReadXattrs } from './host-xattrs.ts';
import { kindOf, openInode, reopenForReading } from './inode.ts';
import { PageCache } from './page-cache.ts';
import { type BlockSource, outOfRange } from './source.ts';

/** Longer reads bypass the cache, bytes. */
const longestCached = 128 * 1024;

/** A source that is a file of the host. */
export interface FileSource extends BlockSource {
  readonly kind: 'file' | 'block';
  /** Extended attributes of the file itself ("user.verity.roothash"), see readHostXattrs. */
  xattrs(): Promise<ReadonlyMap<string, Buffer>>;
}

/**
 * Opens the regular file or block device at `path`. `path` is taken as it is: a symlink there is an error, the
 * caller resolves links first. Nothing but those two kinds is ever opened for reading.
 *
 * @throws PortableError FileNotFound and the like as open(2), InvalidArgs for any other kind of file
 */
export async function openFileSource(
  path: string,
  readXattrs: ReadXattrs = readHostXattrs,
): Promise<FileSource> {
  await Promise.resolve();
  let inode: number | undefined;
  try {
    inode = openInode(path);
    const stat = fstatSync(inode, { bigint: true });
    const kind = kindOf(stat);
    if (kind !== 'file' && kind !== 'block') {
      throw new PortableError(
        'InvalidArgs',
        `${quoted(path)} is a ${kind}, not a regular file or block device`,
        { file: path },
      );
    }
    const facts =
      kind === 'file'
        ? { kind, size: stat.size, sectorSize: undefined }
        : { kind, size: deviceSize(stat.rdev), sectorSize: deviceSectorSize(stat.rdev) };
    return new HostFile(path, reopenForReading(inode), facts, readXattrs);
  } catch (error) {
    throw fileError(error, 'open', path);
  } finally {
    if (inode !== undefined) closeSync(inode);
  }
}

class HostFile implements FileSource {
  readonly name: string;
  readonly kind: 'file' | 'block';
  readonly size: bigint;
  readonly sectorSize: number | undefined;
  readonly #fd: number;
  readonly #readXattrs: ReadXattrs;
  readonly #cache: PageCache;
  /** Reads under way: the descriptor's number must not be given away under them. */
  readonly #pending = new Set<Promise<unknown>>();
  #bytesRead = 0;
  #closed: Promise<void> | undefined;

  constructor(
    name: string,
    fd: number,
    facts: Pick<FileSource, 'kind' | 'size' | 'sectorSize'>,
    readXattrs: ReadXattrs,
  ) {
    const { kind, size, sectorSize } = facts;
    this.name = name;
    this.kind = kind;
    this.size = size;
    this.sectorSize = sectorSize;
    this.#fd = fd;
    this.#readXattrs = readXattrs;
    this.#cache = new PageCache(size, (offset, length) => this.#readMedium(offset, length));
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    if (offset < 0n || offset + BigInt(length) > this.size) throw outOfRange(this, offset, BigInt(length));
    if (length > longestCached) return this.#readMedium(offset, length);
    return this.#cache.read(offset, length);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return this.#track(this.#readXattrs(this.#fd, this.name));
  }

  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#pending).then(() => closeSync(this.#fd));
    return this.#closed;
  }

  async #readMedium(offset: bigint, length: number): Promise<Buffer> {
    if (this.#closed !== undefined) throw new Error(`${quoted(this.name)} is read after it was closed`);
    return this.#track(this.#fill(offset, length));
  }

  async #fill(offset: bigint, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const got = await this.#readSome(buffer, filled, offset + BigInt(filled));
      if (got === 0) throw this.#shrunk(offset + BigInt(filled));
      filled += got;
      this.#bytesRead += got;
    }
    return buffer;
  }

  async #readSome(buffer: Buffer, filled: number, position: bigint): Promise<number> {
    try {
      return await pread(this.#fd, buffer, filled, position);
    } catch (error) {
      throw fileError(error, `read at offset ${position} of`, this.name);
    }
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#pending.add(work);
    try {
      return await work;
    } finally {
      this.#pending.delete(work);
    }
  }

  #shrunk(end: bigint): PortableError {
    return new PortableError(
      'IOError',
      `${quoted(this.name)} shrank while it was being read: it had ${this.size} bytes, and ends at ${end} now`,
      { file: this.name, hint: 'replace images by renaming a new file over the old one' },
    );
  }
}

/** pread(2) into `buffer` from `start` on, at an exact offset; Node's own promise takes no bigint. */
function pread(fd: number, buffer: Buffer, start: number, offset: bigint): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, buffer, start, buffer.length - start, offset, (error, bytesRead) => {
      if (error === null) resolve(bytesRead);
      else reject(error);
    });
  });
}
