/**
 * Long names: entries before that of the file, the last part of the name first, 13 characters of UTF-16 in each.
 * Microsoft, "FAT: General Overview of On-Disk Format", "FAT Long Directory Entries".
 */
import { shortNameChecksum } from './short-name.ts';

/** Fields of an entry, bytes from its start; the characters are in three places. */
const orderAt = 0;
const checksumAt = 13;
const charactersAt = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30] as const;

/** The order of the entry that comes first has this bit. */
const startBit = 0x40;

/** Entries that a name of 255 characters takes. */
const maxParts = 20;

/** Collects the parts of a long name; whatever does not belong together is as if it were not there. */
export class LongName {
  /** UTF-16 units, of the parts so far. */
  #units: number[] = [];
  /** The order of the part that came last; 1: the name is whole. 0: there is none. */
  #order = 0;
  #checksum = 0;

  /** Takes in one entry with the attributes of a long name. */
  add(slot: Buffer): void {
    const order = slot.readUInt8(orderAt);
    const checksum = slot.readUInt8(checksumAt);
    const number = order & ~startBit;
    if ((order & startBit) !== 0 && number >= 1 && number <= maxParts) {
      this.#units = [];
    } else if (number === 0 || order !== this.#order - 1 || checksum !== this.#checksum) {
      this.drop();
      return;
    }
    this.#order = number;
    this.#checksum = checksum;
    this.#units.unshift(...charactersAt.map((at) => slot.readUInt16LE(at)));
  }

  /** Forgets what there is: an entry came in between. */
  drop(): void {
    this.#units = [];
    this.#order = 0;
  }

  /**
   * The name that belongs to this short one, and forgets it; undefined when there is none. Half of a surrogate pair is
   * left out, as the kernel does.
   */
  take(shortName: Buffer): string | undefined {
    const isWhole = this.#order === 1 && this.#checksum === shortNameChecksum(shortName);
    const units = this.#units;
    this.drop();
    if (!isWhole) return undefined;
    const end = units.indexOf(0);
    const text = String.fromCharCode(...(end === -1 ? units : units.slice(0, end)));
    return text.replace(/\p{Surrogate}/gu, '');
  }
}
