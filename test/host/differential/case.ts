/** What a case of the differential test is: calls made to both daemons, and what may differ. */
import type { BusCall } from '../bus.ts';
import type { Host } from '../host.ts';

/** A call, by root unless said otherwise; what it gives is compared. */
export interface CallStep extends BusCall {
  readonly uid?: number;
}

/** Something done to the host between calls; nothing of it is compared. */
export type HostStep = (host: Host) => Promise<unknown>;

export type Step = CallStep | HostStep;

/** One thing to compare. Every case starts from the same files. */
export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A line of what came of a case. */
export interface Line {
  /** The number of the call that it came of, from 1. */
  readonly call: number;
  /** What has to keep its order: lines of one call with the same `series`. */
  readonly series?: string;
  /** A reply that is an error, another reply, or what the call changed on the host. */
  readonly kind: 'error' | 'answer' | 'file';
  readonly text: string;
}
