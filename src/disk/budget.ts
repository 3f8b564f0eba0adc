/**
 * Caps on what one inspection may cost. An image is hostile input: whatever its bytes say, reading it ends
 * within these limits (spec "Dissecting an image", section Limits). The readers charge a Budget as they go.
 */
import { PortableError, quoted } from '../base/errors.ts';

/** The caps; all configurable in portabled.conf. */
export interface Limits {
  /** Bytes of one unit file. */
  readonly unitFileBytes: number;
  /** Bytes of os-release or one extension-release. */
  readonly osReleaseBytes: number;
  /** Unit files looked at in one image. */
  readonly unitFiles: number;
  /** Directory entries read in one inspection. */
  readonly directoryEntries: number;
  /** Components of a path, links resolved. */
  readonly pathDepth: number;
  /** Symbolic links followed on one path. */
  readonly symlinkHops: number;
  /** Bytes that one compressed block may expand to. */
  readonly blockBytes: number;
  /** Metadata blocks read in one inspection. */
  readonly metadataBlocks: number;
  /** Wall time of one inspection, milliseconds. */
  readonly wallTimeMs: number;
}

export const defaultLimits: Limits = {
  unitFileBytes: 1024 * 1024,
  osReleaseBytes: 64 * 1024,
  unitFiles: 10_000,
  directoryEntries: 200_000,
  pathDepth: 256,
  symlinkHops: 40,
  blockBytes: 1024 * 1024,
  metadataBlocks: 20_000,
  wallTimeMs: 30_000,
};

/** The limits that count up over an inspection. */
export type Counter = 'unitFiles' | 'directoryEntries' | 'metadataBlocks';

const counterWords: Readonly<Record<Counter, string>> = {
  unitFiles: 'unit files',
  directoryEntries: 'directory entries',
  metadataBlocks: 'metadata blocks',
};

/** What one inspection has used so far of its limits. */
export class Budget {
  readonly limits: Limits;
  readonly #image: string;
  readonly #deadline: number;
  readonly #now: () => number;
  readonly #used: Record<Counter, number> = { unitFiles: 0, directoryEntries: 0, metadataBlocks: 0 };

  /**
   * @param image what the error messages name
   * @param now a clock in milliseconds (tests pass their own)
   */
  constructor(image: string, limits: Limits = defaultLimits, now: () => number = () => performance.now()) {
    this.#image = image;
    this.limits = limits;
    this.#now = now;
    this.#deadline = now() + limits.wallTimeMs;
  }

  /**
   * Counts `amount` more of something, and checks the time.
   * @throws PortableError LimitsExceeded when the image asks for more than the limit
   */
  charge(counter: Counter, amount = 1): void {
    this.#used[counter] += amount;
    if (this.#used[counter] > this.limits[counter]) {
      throw this.exceeded(`more than ${this.limits[counter]} ${counterWords[counter]}`);
    }
    this.checkTime();
  }

  /** @throws PortableError LimitsExceeded when the inspection has taken longer than its limit */
  checkTime(): void {
    if (this.#now() > this.#deadline) {
      throw this.exceeded(`reading it took longer than ${this.limits.wallTimeMs} ms`);
    }
  }

  /** The error for a limit that the caller checks itself. */
  exceeded(what: string): PortableError {
    return new PortableError('LimitsExceeded', `${quoted(this.#image)} is refused: ${what}`, {
      file: this.#image,
      hint: 'the limits are set in portabled.conf',
    });
  }
}
