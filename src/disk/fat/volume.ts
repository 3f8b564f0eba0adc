/** What everything that reads one file system shares: its bytes, the metadata cached, and its errors. */
import type { PortableError } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { Recent } from '../recent.ts';
import { readInto } from '../read-into.ts';
import type { BlockSource } from '../source.ts';
import { type Geometry, firstCluster } from './boot-sector.ts';
import { Claims } from './claims.ts';
import { corrupt } from './errors.ts';

/** Bytes of metadata read at once, and the pages of that size that are kept: 1 MiB. */
export const pageSize = 4096;
const cachedPages = 256;

export class Volume {
  readonly geometry: Geometry;
  readonly budget: Budget;
  /** Whose the clusters are that have been read. */
  readonly claims = new Claims();
  readonly #source: BlockSource;
  readonly #pages = new Recent<bigint, Buffer>(cachedPages);

  constructor(source: BlockSource, geometry: Geometry, budget: Budget) {
    this.#source = source;
    this.geometry = geometry;
    this.budget = budget;
  }

  get name(): string {
    return this.#source.name;
  }

  /**
   * A page of metadata, or what there is of it, from `offset` on: a multiple of the page size away from `from`. Shared:
   * do not write to it.
   */
  page(from: bigint, index: number): Promise<Buffer> {
    const offset = from + BigInt(index) * BigInt(pageSize);
    return this.#pages.get(offset, () => {
      this.budget.charge('metadataBlocks');
      const left = this.#source.size - offset;
      return this.#source.read(offset, left < BigInt(pageSize) ? Number(left) : pageSize);
    });
  }

  /** Fills `target` with what is `offset` bytes after the start of a cluster, which the caller has checked. */
  readInto(target: Buffer, cluster: number, offset: number): Promise<void> {
    const start = this.clusterOffset(cluster) + BigInt(offset);
    return readInto(this.#source, this.budget, target, start);
  }

  /** Bytes from the start of the file system. */
  clusterOffset(cluster: number): bigint {
    return this.geometry.dataOffset + BigInt(cluster - firstCluster) * BigInt(this.geometry.clusterSize);
  }

  /** Whether there is a cluster of that number. */
  hasCluster(number: number): boolean {
    return number >= firstCluster && number < firstCluster + this.geometry.clusters;
  }

  /** The error for anything in the file system that cannot be true. */
  corrupt(what: string): PortableError {
    return corrupt(this.name, what);
  }
}
