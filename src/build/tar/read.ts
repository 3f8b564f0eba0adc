/**
 * Reading tar archives: ustar, pax and GNU's, with long names, extended attributes and holes. Why not a library:
 * docs/decisions/tar.md. Whatever the bytes, reading ends, in bounded memory, and nothing outside of them is read.
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../../disk/source.ts';
import { CorruptTar } from './errors.ts';
import { blockBytes, isZero, padding, parseHeader } from './header.ts';
import type { TarHeader } from './header.ts';
import { parsePax, paxNumber } from './pax.ts';
import type { PaxHeader } from './pax.ts';
import { gnuSparse, paxSparse } from './sparse.ts';
import type { Extent } from './sparse.ts';

export type TarKind = 'file' | 'hardLink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo';

export interface TarEntry {
  readonly kind: TarKind;
  /** As stored: bytes, nothing resolved. */
  readonly path: Buffer;
  /** Of a symlink and a hard link; empty otherwise. */
  readonly linkTarget: Buffer;
  /** Permission bits, 0o0000–0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** By full name ("security.capability"). */
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Bytes of a file, holes included; 0 for anything else. */
  readonly size: number;
  /** The pieces of a file that are not holes. */
  readonly extents: readonly Extent[];
  readonly device: { readonly major: number; readonly minor: number };
  /** Where its header is in the archive, bytes. */
  readonly offset: number;
}

const kinds: Readonly<Record<string, TarKind>> = {
  '0': 'file',
  '1': 'hardLink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file', // contiguous, which nobody does
  S: 'file',
};

/** An extended header or long name may have so many bytes; xattrs are at most 64 KiB each. */
const maxExtendedBytes = 1024 * 1024;

/** Every entry has to look at all of these; usual is one, a comment. */
const maxGlobalRecords = 50;

/** Headers are read this many bytes at a time. */
const windowBytes = 64 * 1024;

const xattrPrefix = 'SCHILY.xattr.';
const nothing: PaxHeader = { records: new Map(), sparsePairs: [] };

/**
 * The entries of an archive, in order, up to its end mark or the end of the bytes.
 * @throws PortableError InvalidArgs naming the archive and the offset of what is wrong; and what `archive` throws
 */
export async function* readTar(archive: BlockSource): AsyncGenerator<TarEntry, void> {
  const read = windowed(archive);
  let extended = nothing;
  let global = nothing.records;
  let longPath: Buffer | undefined;
  let longTarget: Buffer | undefined;
  for (let offset = 0; offset < archive.size;) {
    try {
      const block = await read(offset, blockBytes);
      if (isZero(block)) return;
      const header = parseHeader(block);
      const start = offset + blockBytes;
      const size = sizeOf(header, extended);
      let next = start + size + padding(size);
      if (start + size > archive.size) throw new CorruptTar(`has ${size} bytes of data, more than there are`);
      switch (header.type) {
        case 'x':
          extended = parsePax(await whole(read, start, size));
          break;
        case 'g':
          global = new Map([...global, ...parsePax(await whole(read, start, size)).records]);
          if (global.size > maxGlobalRecords) throw new CorruptTar('is one global header too many');
          break;
        case 'L':
          longPath = untilNul(await whole(read, start, size));
          break;
        case 'K':
          longTarget = untilNul(await whole(read, start, size));
          break;
        case 'V': // the label of a volume
          break;
        default: {
          const pax: PaxHeader = { ...extended, records: new Map([...global, ...extended.records]) };
          const { entry, dataStart } = await entryOf(
            header,
            block,
            pax,
            { offset, start, size, longPath, longTarget },
            read,
          );
          next += dataStart - start;
          yield entry;
          extended = nothing;
          longPath = longTarget = undefined;
        }
      }
      offset = next;
    } catch (error) {
      if (!(error instanceof CorruptTar)) throw error;
      throw new PortableError(
        'InvalidArgs',
        `${quoted(archive.name)} is no good tar archive: the header at offset ${offset} ${error.message}`,
        { file: archive.name, cause: error, hint: 'copy it again, or compare its checksum' },
      );
    }
  }
}

/** Links and the like have no data, whatever their header says. */
function sizeOf(header: TarHeader, extended: PaxHeader): number {
  const kind = kinds[header.type];
  if (kind !== undefined && kind !== 'file') return 0;
  const size = header.type === 'x' || header.type === 'g' ? undefined : extended.records.get('size');
  return size === undefined || size.length === 0 ? header.size : paxNumber(size, 'size');
}

interface Context {
  readonly offset: number;
  readonly start: number;
  readonly size: number;
  readonly longPath: Buffer | undefined;
  readonly longTarget: Buffer | undefined;
}

async function entryOf(
  header: TarHeader,
  block: Buffer,
  pax: PaxHeader,
  { offset, start, size, longPath, longTarget }: Context,
  read: (offset: number, length: number) => Promise<Buffer>,
): Promise<{ entry: TarEntry; dataStart: number }> {
  const { records } = pax;
  const kind = kinds[header.type];
  if (kind === undefined)
    throw new CorruptTar(`is of type ${JSON.stringify(header.type)}, which nothing here knows`);
  const given = (keyword: string): Buffer | undefined => {
    const value = records.get(keyword);
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const numeric = (keyword: 'uid' | 'gid'): number => {
    const value = given(keyword);
    return value === undefined ? header[keyword] : paxNumber(value, keyword);
  };
  const path = given('GNU.sparse.name') ?? given('path') ?? longPath ?? header.path;
  const plain = { size, extents: size === 0 ? [] : [{ at: 0, length: size, start }] };
  const gnu = header.type === 'S' ? await gnuSparse(block, start, size, read) : undefined;
  const file = gnu?.file ?? (kind === 'file' ? await paxSparse(pax, start, size, read) : undefined) ?? plain;
  return {
    dataStart: gnu?.dataStart ?? start,
    entry: {
      // before directories had a type of their own, a slash at the end was what told them
      kind: kind === 'file' && header.type === '0' && path.at(-1) === 0x2f ? 'directory' : kind,
      path: Buffer.from(path),
      linkTarget:
        kind === 'symlink' || kind === 'hardLink'
          ? Buffer.from(given('linkpath') ?? longTarget ?? header.linkTarget)
          : Buffer.alloc(0),
      mode: header.mode,
      uid: numeric('uid'),
      gid: numeric('gid'),
      xattrs: xattrsOf(records),
      size: file.size,
      extents: file.extents,
      device: header.device,
      offset,
    },
  };
}

function xattrsOf(records: PaxHeader['records']): Map<string, Buffer> {
  const xattrs = new Map<string, Buffer>();
  for (const [keyword, value] of records) {
    if (keyword.startsWith(xattrPrefix)) xattrs.set(keyword.slice(xattrPrefix.length), Buffer.from(value));
  }
  return xattrs;
}

/** @throws CorruptTar when it is too long to be kept in memory */
async function whole(
  read: (offset: number, length: number) => Promise<Buffer>,
  start: number,
  size: number,
): Promise<Buffer> {
  if (size > maxExtendedBytes) throw new CorruptTar(`is an extended header of ${size} bytes`);
  return await read(start, size);
}

function untilNul(bytes: Buffer): Buffer {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

/** Reads through a window: one read of the medium for many headers. @throws CorruptTar at the end */
function windowed(archive: BlockSource): (offset: number, length: number) => Promise<Buffer> {
  let window: Buffer = Buffer.alloc(0);
  let windowStart = 0;
  const size = Number(archive.size);
  return async (offset, length) => {
    if (offset + length > size) throw new CorruptTar('is cut off: the archive ends in the middle of it');
    if (offset < windowStart || offset + length > windowStart + window.length) {
      windowStart = offset;
      window = await archive.read(BigInt(offset), Math.min(size - offset, Math.max(length, windowBytes)));
    }
    return window.subarray(offset - windowStart, offset - windowStart + length);
  };
}
