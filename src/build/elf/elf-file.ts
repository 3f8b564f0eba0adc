/**
 * What the dynamic loader reads in an ELF file: System V ABI (gabi), chapters 4 and 5; elf(5).
 * Files come from anywhere: every offset is checked, and no more is read than the headers, the dynamic section and the
 * strings it names.
 */
import { PortableError, quoted } from '../../base/errors.ts';
import type { FileContent, OpenContent } from '../content.ts';

/** What must be alike in a program and its libraries. */
export interface ElfKind {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** e_machine. */
  readonly machine: number;
}

export interface ElfFile extends ElfKind {
  /** PT_INTERP: the dynamic loader; undefined for libraries and static programs. */
  readonly interpreter: string | undefined;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  /** DT_RPATH, split at ":". */
  readonly rpath: readonly string[];
  /** DT_RUNPATH; undefined when there is none, which makes a difference to the use of RPATHs. */
  readonly runpath: readonly string[] | undefined;
  /** DF_1_NODEFLIB: neither cache nor default directories. */
  readonly noDefaultDirectories: boolean;
}

const magic = Buffer.from('\x7fELF', 'latin1');

const segment = { load: 1, dynamic: 2, interpreter: 3 } as const;
const tag = { null: 0, needed: 1, strings: 5, stringsSize: 10, rpath: 15, runpath: 29, flags1: 0x6ffffffb };
const noDefaultLibraries = 0x800n;

/** Far more than real files have. */
const maxSegments = 1024;
const maxDynamicBytes = 1024 * 1024;
const maxStringBytes = 64 * 1024;
/** Of libraries and search paths: how many, and their bytes together. */
const maxNames = 4096;
const maxNamesBytes = 1024 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** Whether the content begins as ELF files do. */
export function looksLikeElf(head: Buffer): boolean {
  return head.subarray(0, 4).equals(magic);
}

/**
 * Reads the headers of an ELF file.
 * @param label what messages call it
 * @throws PortableError InvalidArgs when it is broken; what reading the content throws
 */
export async function readElf(content: FileContent, label: string): Promise<ElfFile> {
  const opened = await content.open();
  try {
    return await new Reader(opened, content.size, label).file();
  } finally {
    await opened.close();
  }
}

class Reader {
  readonly #opened: OpenContent;
  readonly #size: number;
  readonly #label: string;
  #wide = true;
  #littleEndian = true;

  constructor(opened: OpenContent, size: number, label: string) {
    this.#opened = opened;
    this.#size = size;
    this.#label = label;
  }

  async file(): Promise<ElfFile> {
    const ident = await this.#bytes(0, 16);
    const [bits, order] = [ident[4], ident[5]];
    if (!looksLikeElf(ident) || (bits !== 1 && bits !== 2) || (order !== 1 && order !== 2)) {
      throw this.#broken('no ELF header');
    }
    this.#wide = bits === 2;
    this.#littleEndian = order === 1;
    const header = await this.#bytes(0, this.#wide ? 64 : 52);
    const kind = {
      bits: this.#wide ? 64 : 32,
      littleEndian: this.#littleEndian,
      machine: this.#number(header, 18, 2),
    } as const;
    const segments = await this.#segments(header);
    const interpreter = segments.find(({ type }) => type === segment.interpreter);
    const dynamic = segments.find(({ type }) => type === segment.dynamic);
    const entries = dynamic === undefined ? [] : await this.#dynamic(dynamic);
    const strings = await this.#strings(entries, segments);
    const named = (wanted: number): string[] =>
      entries.filter(([key]) => key === wanted).map(([, value]) => strings(Number(value)));
    const runpath = named(tag.runpath)[0];
    const flags = entries.find(([key]) => key === tag.flags1)?.[1] ?? 0n;
    return {
      ...kind,
      interpreter: interpreter && (await this.#interpreter(interpreter)),
      needed: named(tag.needed),
      rpath: splitPath(named(tag.rpath)[0] ?? ''),
      runpath: runpath === undefined ? undefined : splitPath(runpath),
      noDefaultDirectories: (flags & noDefaultLibraries) !== 0n,
    };
  }

  async #segments(header: Buffer): Promise<readonly Segment[]> {
    const offset = this.#wide ? this.#address(header, 32) : this.#address(header, 28);
    const entrySize = this.#number(header, this.#wide ? 54 : 42, 2);
    const count = this.#number(header, this.#wide ? 56 : 44, 2);
    if (count === 0) return [];
    if (count > maxSegments || entrySize < (this.#wide ? 56 : 32)) throw this.#broken('odd program headers');
    const table = await this.#bytes(offset, count * entrySize);
    return Array.from({ length: count }, (_, i) => {
      const at = i * entrySize;
      const type = this.#number(table, at, 4);
      return this.#wide
        ? {
            type,
            offset: this.#address(table, at + 8),
            address: this.#address(table, at + 16),
            bytes: this.#address(table, at + 32),
          }
        : {
            type,
            offset: this.#address(table, at + 4),
            address: this.#address(table, at + 8),
            bytes: this.#address(table, at + 16),
          };
    });
  }

  async #interpreter({ offset, bytes }: Segment): Promise<string> {
    if (bytes > maxStringBytes) throw this.#broken('an endless interpreter name');
    return textOf(await this.#bytes(offset, bytes), 0);
  }

  /** Tags and values, up to the one that ends them. */
  async #dynamic({ offset, bytes }: Segment): Promise<readonly (readonly [number, bigint])[]> {
    if (bytes > maxDynamicBytes) throw this.#broken('an endless dynamic section');
    const table = await this.#bytes(offset, Math.min(bytes, Math.max(0, this.#size - offset)));
    const half = this.#wide ? 8 : 4;
    const entries: (readonly [number, bigint])[] = [];
    for (let at = 0; at + 2 * half <= table.length; at += 2 * half) {
      const key = this.#value(table, at);
      if (key === 0n) break;
      // tags beyond 32 bits are nobody's
      if (key <= 0xffffffffn) entries.push([Number(key), this.#value(table, at + half)]);
    }
    return entries;
  }

  /** What gives the string at an offset of the dynamic string table. */
  async #strings(
    entries: readonly (readonly [number, bigint])[],
    segments: readonly Segment[],
  ): Promise<(offset: number) => string> {
    const value = (wanted: number): number => Number(entries.find(([key]) => key === wanted)?.[1] ?? 0n);
    const named: readonly number[] = [tag.needed, tag.rpath, tag.runpath];
    const offsets = entries.filter(([key]) => named.includes(key)).map(([, at]) => Number(at));
    if (offsets.length === 0) return () => '';
    const [address, size] = [value(tag.strings), value(tag.stringsSize)];
    const home = segments.find(
      (each) => each.type === segment.load && each.address <= address && address < each.address + each.bytes,
    );
    if (home === undefined) throw this.#broken('its strings are in no segment');
    if (offsets.length > maxNames) throw this.#broken('too many names');
    const start = home.offset + address - home.address;
    const texts = new Map<number, string>();
    let total = 0;
    for (const offset of offsets) {
      if (offset >= size) throw this.#broken('a string outside of its table');
      const length = Math.min(maxStringBytes, size - offset, this.#size - start - offset);
      const text = textOf(await this.#bytes(start + offset, Math.max(0, length)), 0);
      total += text.length;
      if (total > maxNamesBytes) throw this.#broken('endless names');
      texts.set(offset, text);
    }
    return (offset) => texts.get(offset) ?? '';
  }

  async #bytes(offset: number, length: number): Promise<Buffer> {
    if (offset + length > this.#size) throw this.#broken('it ends too early');
    const bytes = await this.#opened.read(offset, length);
    if (bytes.length < length) throw this.#broken('it ends too early');
    return bytes;
  }

  #number(bytes: Buffer, at: number, length: 2 | 4): number {
    return this.#littleEndian ? bytes.readUIntLE(at, length) : bytes.readUIntBE(at, length);
  }

  /** A word of the file's own width. */
  #value(bytes: Buffer, at: number): bigint {
    if (!this.#wide) return BigInt(this.#number(bytes, at, 4));
    return this.#littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at);
  }

  /** An offset or address; those that no number holds are past the end of any file. */
  #address(bytes: Buffer, at: number): number {
    return Number(this.#value(bytes, at));
  }

  #broken(why: string): PortableError {
    return new PortableError('InvalidArgs', `${quoted(this.#label)} is a broken ELF file: ${why}`, {
      file: this.#label,
    });
  }
}

function textOf(bytes: Buffer, start: number): string {
  const end = bytes.indexOf(0, start);
  return bytes.subarray(start, end < 0 ? bytes.length : end).toString();
}

function splitPath(value: string): readonly string[] {
  return value.split(':').filter((each) => each !== '');
}
