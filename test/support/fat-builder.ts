/** Small FAT file systems made by hand, byte by byte, for what no tool writes. */
import { shortNameChecksum } from '../../src/disk/fat/short-name.ts';

const sectorSize = 512;
const slotSize = 32;

export interface FatOptions {
  readonly bits: 12 | 16 | 32;
  /** Of one sector each. FAT16 has at least 4085. */
  readonly clusters: number;
}

/** What the entry of a file says; what is left out is zero. */
export interface SlotOptions {
  readonly attributes?: number;
  readonly caseFlags?: number;
  readonly cluster?: number;
  readonly size?: number;
  readonly time?: number;
  readonly date?: number;
}

export const attribute = {
  readOnly: 1,
  hidden: 2,
  system: 4,
  label: 8,
  directory: 0x10,
  archive: 0x20,
} as const;

/** The chain ends. */
export const end = -1;
export const bad = -9;

export class FatBuilder {
  readonly bytes: Buffer;
  readonly #bits: FatOptions['bits'];
  readonly #tableAt: number;
  readonly #dataAt: number;
  /** Where the root directory is: cluster 2 of FAT32, of one cluster until somebody says more. */
  readonly rootAt: number;

  constructor({ bits, clusters }: FatOptions) {
    const reserved = 2;
    const tableSectors = Math.ceil(((clusters + 2) * bits) / 8 / sectorSize);
    const rootEntries = bits === 32 ? 0 : 64;
    const rootSector = reserved + tableSectors;
    const dataSector = rootSector + (rootEntries * slotSize) / sectorSize;
    const sectors = dataSector + clusters;
    const bytes = Buffer.alloc(sectors * sectorSize);
    bytes.set([0xeb, 0x3c, 0x90]);
    bytes.write('MSDOS5.0', 3, 'latin1');
    bytes.writeUInt16LE(sectorSize, 11);
    bytes.writeUInt8(1, 13);
    bytes.writeUInt16LE(reserved, 14);
    bytes.writeUInt8(1, 16);
    bytes.writeUInt16LE(rootEntries, 17);
    bytes.writeUInt8(0xf8, 21);
    bytes.writeUInt32LE(sectors, 32);
    bytes.writeUInt16LE(bits === 32 ? 0 : tableSectors, 22);
    if (bits === 32) {
      bytes.writeUInt32LE(tableSectors, 36);
      bytes.writeUInt32LE(2, 44);
    }
    bytes.write(`FAT${bits}   `, bits === 32 ? 82 : 54, 'latin1');
    bytes.writeUInt16LE(0xaa55, 510);
    this.bytes = bytes;
    this.#bits = bits;
    this.#tableAt = reserved * sectorSize;
    this.#dataAt = dataSector * sectorSize;
    this.rootAt = bits === 32 ? this.#dataAt : rootSector * sectorSize;
    if (bits === 32) this.link(2, end);
  }

  /** Writes the table's entry of a cluster: the next one, or `end` or `bad`. */
  link(cluster: number, next: number): this {
    const mask = 2 ** Math.min(this.#bits, 28) - 1;
    const value = next < 0 ? mask + 1 + next : next;
    if (this.#bits === 12) {
      const at = this.#tableAt + cluster + (cluster >>> 1);
      const pair = this.bytes.readUInt16LE(at);
      const changed = (cluster & 1) === 0 ? (pair & 0xf000) | value : (pair & 0xf) | (value << 4);
      this.bytes.writeUInt16LE(changed, at);
    } else if (this.#bits === 16) this.bytes.writeUInt16LE(value, this.#tableAt + cluster * 2);
    else this.bytes.writeUInt32LE(value, this.#tableAt + cluster * 4);
    return this;
  }

  /** Links clusters one after the other, and ends the chain. */
  chain(...clusters: readonly number[]): this {
    for (const [index, cluster] of clusters.entries()) this.link(cluster, clusters[index + 1] ?? end);
    return this;
  }

  /** Where a cluster is. */
  at(cluster: number): number {
    return this.#dataAt + (cluster - 2) * sectorSize;
  }

  /** Writes into a cluster, and those behind it. */
  fill(cluster: number, content: Buffer | string): this {
    Buffer.from(content).copy(this.bytes, this.at(cluster));
    return this;
  }

  /** Writes entries one after the other, from a place in the image on. */
  directory(at: number, ...slots: readonly (Buffer | readonly Buffer[])[]): this {
    Buffer.concat(slots.flat()).copy(this.bytes, at);
    return this;
  }
}

/** The entry of a file. @param name eleven bytes */
export function slot(name: string | Buffer, options: SlotOptions = {}): Buffer {
  const bytes = Buffer.alloc(slotSize);
  Buffer.from(name).copy(bytes);
  bytes.writeUInt8(options.attributes ?? 0, 11);
  bytes.writeUInt8(options.caseFlags ?? 0, 12);
  bytes.writeUInt16LE((options.cluster ?? 0) >>> 16, 20);
  bytes.writeUInt16LE(options.time ?? 0, 22);
  bytes.writeUInt16LE(options.date ?? 0x21, 24);
  bytes.writeUInt16LE((options.cluster ?? 0) & 0xffff, 26);
  bytes.writeUInt32LE(options.size ?? 0, 28);
  return bytes;
}

/** The entries of a long name, as they come before that of the file. @param units UTF-16 */
export function longSlots(units: string, short: Buffer): Buffer[] {
  const parts = Math.ceil(units.length / 13);
  return Array.from({ length: parts }, (_, index) => {
    const number = parts - index;
    const bytes = Buffer.alloc(slotSize, 0xff);
    bytes.writeUInt8(index === 0 ? number | 0x40 : number, 0);
    bytes.writeUInt8(0x0f, 11);
    bytes.writeUInt8(0, 12);
    bytes.writeUInt8(shortNameChecksum(short.subarray(0, 11)), 13);
    bytes.writeUInt16LE(0, 26);
    const places = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
    for (const [place, at] of places.entries()) {
      const unit = (number - 1) * 13 + place;
      if (unit <= units.length) bytes.writeUInt16LE(unit === units.length ? 0 : units.charCodeAt(unit), at);
    }
    return bytes;
  });
}

/** The long entries and that of the file. */
export function named(name: string, short: string, options: SlotOptions = {}): Buffer[] {
  const last = slot(short, options);
  return [...longSlots(name, last), last];
}
