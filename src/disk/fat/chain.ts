/** The clusters of one file or directory, found in the allocation table as far as they are needed. */
import { type Run, clusterRun } from './table.ts';
import type { Volume } from './volume.ts';

/** Runs kept of one chain. A file of 4 GiB in clusters of 4 KiB, all of them apart, would have sixteen times as many. */
const maxRuns = 65_536;

/** A part of a chain that is in one piece on disk. */
export interface Piece {
  readonly cluster: number;
  /** Bytes from the start of that cluster. */
  readonly skip: number;
  /** Bytes from there. */
  readonly length: number;
}

interface FoundRun {
  readonly cluster: number;
  readonly count: number;
  /** Clusters of the chain before it. */
  readonly index: number;
}

export class ClusterChain {
  readonly #volume: Volume;
  readonly #owner: string;
  readonly #runs: FoundRun[] = [];
  /** Where the chain goes on; undefined: it has been found whole. */
  #next: number | undefined;
  #found = 0;

  /**
   * @param owner what error messages call the file; no other chain may have the same
   * @param first its first cluster
   */
  constructor(volume: Volume, owner: string, first: number) {
    this.#volume = volume;
    this.#owner = owner;
    this.#next = first;
  }

  /**
   * The piece that starts `offset` bytes into the chain; undefined at the end of it.
   * @throws PortableError InvalidArgs when the chain is corrupt: it runs in a circle, into another file's clusters, or
   *   into none; LimitsExceeded when it is in too many pieces
   */
  async piece(offset: number): Promise<Piece | undefined> {
    const { clusterSize } = this.#volume.geometry;
    const index = Math.floor(offset / clusterSize);
    while (index >= this.#found && this.#next !== undefined) await this.#findMore(this.#next);
    const run = this.#runAt(index);
    if (run === undefined) return undefined;
    const within = offset - run.index * clusterSize;
    const skip = within % clusterSize;
    const cluster = run.cluster + Math.floor(within / clusterSize);
    return { cluster, skip, length: run.count * clusterSize - within };
  }

  async #findMore(cluster: number): Promise<void> {
    const volume = this.#volume;
    volume.budget.checkTime();
    if (!volume.hasCluster(cluster)) {
      throw volume.corrupt(`${this.#owner} starts at cluster ${cluster}, which is not there`);
    }
    if (this.#runs.length === maxRuns) {
      throw volume.budget.exceeded(`${this.#owner} is in more than ${maxRuns} pieces`);
    }
    const run: Run = await clusterRun(volume, cluster, this.#owner);
    const found: FoundRun = { cluster, count: run.count, index: this.#found };
    const taken = volume.claims.add({ ...found, owner: this.#owner });
    if (taken !== undefined || this.#found + run.count > volume.geometry.clusters) {
      const whose = taken === undefined || taken.owner === this.#owner ? 'goes round in a circle' : '';
      throw volume.corrupt(
        `the cluster chain of ${this.#owner} ${whose || `runs into that of ${taken?.owner}`} at cluster ${cluster}`,
      );
    }
    this.#runs.push(found);
    this.#found += run.count;
    this.#next = run.next;
  }

  #runAt(index: number): FoundRun | undefined {
    if (index >= this.#found) return undefined;
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#runs[middle]?.index ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return this.#runs[low];
  }
}
