/**
 * Which clusters belong to whom, as far as they have been read: none may belong to two files, or twice to one. Nothing
 * on disk says so, and a directory that is linked below itself has no other mark.
 */

/** Runs remembered; those of further files are not compared, which are no less bounded for it. */
const maxRuns = 16_384;

/** Clusters one after the other, and where in their chain the first of them is. */
export interface ClaimedRun {
  readonly cluster: number;
  readonly count: number;
  /** Clusters of the chain before it. */
  readonly index: number;
  /** What error messages call the chain; the same for the same chain, and for no other. */
  readonly owner: string;
}

export class Claims {
  /** In order, without overlaps. */
  readonly #runs: ClaimedRun[] = [];

  /** Remembers a run; the run that it overlaps with, unless that is the very same part of the same chain. */
  add(run: ClaimedRun): ClaimedRun | undefined {
    const at = this.#firstEndingAfter(run.cluster);
    const next = this.#runs[at];
    if (next === undefined || next.cluster >= run.cluster + run.count) {
      if (this.#runs.length < maxRuns) this.#runs.splice(at, 0, run);
      return undefined;
    }
    const isSame = next.owner === run.owner && next.index - next.cluster === run.index - run.cluster;
    return isSame ? undefined : next;
  }

  #firstEndingAfter(cluster: number): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && run.cluster + run.count <= cluster) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
