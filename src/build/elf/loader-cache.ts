/**
 * /etc/ld.so.cache of glibc: which library is where. Format: glibc's sysdeps/generic/dl-cache.h, "new" format, with or
 * without the old one before it; ldconfig(8) prints it.
 */

/** One library: in the order of the file, which the loader searches by halves. */
export interface CacheEntry {
  /** "libc.so.6". */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly flags: number;
  /** "OS version" of the entry; unused by now. */
  readonly osVersion: number;
  /** Which processors it is for; 0 for all of the architecture. */
  readonly hardware: bigint;
}

const newMagic = 'glibc-ld.so.cache1.1';
const oldMagic = 'ld.so-1.7.0\0';
const headerBytes = 48;
const entryBytes = 24;
const oldHeaderBytes = 16;
const oldEntryBytes = 12;

/** The header's byte order, little and big: glibc 2.33 and later say it. */
const endianFlags = { little: 2, big: 3 } as const;

/** A cache that was understood. */
export interface LoaderCache {
  readonly littleEndian: boolean;
  readonly entries: readonly CacheEntry[];
}

/** Reads a cache; undefined for anything else, and for a broken one: the loader then goes without as well. */
export function parseLoaderCache(bytes: Buffer): LoaderCache | undefined {
  const start = startOfNew(bytes);
  if (start === undefined) return undefined;
  const cache = bytes.subarray(start);
  // the count of libraries is small: read in the wrong order it is not
  const littleEndian = cache.readUInt32LE(20) <= cache.readUInt32BE(20);
  const read = (at: number): number => (littleEndian ? cache.readUInt32LE(at) : cache.readUInt32BE(at));
  const count = read(20);
  if (headerBytes + count * entryBytes > cache.length) return undefined;
  const text = (at: number): string => {
    const end = cache.indexOf(0, at);
    return at >= cache.length || end < 0 ? '' : cache.subarray(at, end).toString();
  };
  const entries = Array.from({ length: count }, (_, i): CacheEntry => {
    const at = headerBytes + i * entryBytes;
    return {
      flags: read(at),
      name: text(read(at + 4)),
      path: text(read(at + 8)),
      osVersion: read(at + 12),
      hardware: littleEndian ? cache.readBigUInt64LE(at + 16) : cache.readBigUInt64BE(at + 16),
    };
  });
  return { littleEndian, entries: entries.filter(({ path }) => path.startsWith('/')) };
}

/** A cache with some of the entries of another, in the same order; those for special processors are left out. */
export function formatLoaderCache({ littleEndian, entries }: LoaderCache): Buffer {
  const general = entries.filter(({ hardware }) => hardware === 0n);
  const textStart = headerBytes + general.length * entryBytes;
  const table = Buffer.alloc(textStart);
  const write = (value: number, at: number): void => {
    if (littleEndian) table.writeUInt32LE(value, at);
    else table.writeUInt32BE(value, at);
  };
  const texts: Buffer[] = [];
  let end = textStart;
  const place = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`);
    texts.push(bytes);
    end += bytes.length;
    return end - bytes.length;
  };
  for (const [i, entry] of general.entries()) {
    const at = headerBytes + i * entryBytes;
    write(entry.flags, at);
    write(place(entry.name), at + 4);
    write(place(entry.path), at + 8);
    write(entry.osVersion, at + 12);
  }
  table.write(newMagic, 'latin1');
  write(general.length, 20);
  write(end - textStart, 24);
  table.writeUInt8(littleEndian ? endianFlags.little : endianFlags.big, 28);
  return Buffer.concat([table, ...texts]);
}

function startOfNew(bytes: Buffer): number | undefined {
  let start = 0;
  if (bytes.toString('latin1', 0, oldMagic.length) === oldMagic && bytes.length >= oldHeaderBytes) {
    const little = bytes.readUInt32LE(12) <= bytes.readUInt32BE(12);
    const count = little ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12);
    const end = oldHeaderBytes + count * oldEntryBytes;
    start = Math.ceil(end / 8) * 8;
  }
  const found = bytes.toString('latin1', start, start + newMagic.length) === newMagic;
  return found && bytes.length >= start + headerBytes ? start : undefined;
}
