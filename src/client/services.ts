/**
 * What the verbs work with: the images and the service manager of one host. One implementation asks the daemon and the
 * service manager over D-Bus (bus/), another one works on a tree without either.
 */
import type {
  AttachRequest,
  Change,
  DetachRequest,
  ImageRef,
  InspectRequest,
  Metadata,
  ReattachResult,
} from '../portable/requests.ts';

/** A line of a listing. */
export interface ListedImage {
  readonly name: string;
  /** "directory", "subvolume", "raw", "block" */
  readonly type: string;
  readonly readOnly: boolean;
  /** µs since the epoch; 0 where it is not known. */
  readonly created: bigint;
  readonly modified: bigint;
  /** Bytes; the maximum uint64 where it is not known. */
  readonly usage: bigint;
  readonly state: string;
}

/** The maximum uint64: no limit, or a size that nobody knows. */
export const unlimited = 2n ** 64n - 1n;

/**
 * The images of a host. Changes to several images are all made or none, as far as the implementation can; what each
 * one became of is in the result, in the order of the requests.
 */
export interface Images {
  list(): Promise<readonly ListedImage[]>;
  inspect(request: InspectRequest): Promise<Metadata>;
  /** "detached", "attached", … (portablectl(1), "is-attached") */
  state(ref: ImageRef): Promise<string>;
  /** Names of the profiles there are. */
  profiles(): Promise<readonly string[]>;
  attach(requests: readonly AttachRequest[]): Promise<Changed<readonly Change[]>>;
  /** @param first is done before; should the detach fail, it and what became of unit files by it are taken back */
  detach(requests: readonly DetachRequest[], first?: Before): Promise<Changed<readonly Change[]>>;
  reattach(requests: readonly AttachRequest[]): Promise<Changed<ReattachResult>>;
  markReadOnly(image: string, readOnly: boolean): Promise<void>;
  remove(image: string): Promise<void>;
  /** @param bytes `unlimited` lifts the limit */
  setImageLimit(image: string, bytes: bigint): Promise<void>;
  setPoolLimit(bytes: bigint): Promise<void>;
}

/** What is done before a change, and how it is taken back. */
export interface Before {
  readonly go: () => Promise<void>;
  readonly back: () => Promise<void>;
}

/** What became of images that were changed. */
export interface Changed<T> {
  /** Of each, in the order of the requests. */
  readonly images: readonly T[];
  /** The links that enable units, where these are changed together with the images. */
  readonly links: readonly LinkChange[];
}

/** A link that enabling made, or disabling removed. */
export interface LinkChange {
  readonly type: 'symlink' | 'unlink';
  readonly path: string;
  /** What it leads to; empty for links that went. */
  readonly source: string;
}

export type JobKind = 'start' | 'stop' | 'restart';

/** A job that the service manager took on. */
export interface Job {
  readonly unit: string;
  readonly kind: JobKind;
  /** How it ended ("done", "failed", …); undefined where nobody waited for that. */
  readonly result: string | undefined;
}

/** What is done with units once they are there, or before they go. Each fails for itself: @throws Error */
export interface Units {
  reload(): Promise<void>;
  /** @param paths of unit files */
  enable(paths: readonly string[], runtime: boolean): Promise<readonly LinkChange[]>;
  /** @param names of units */
  disable(names: readonly string[], runtime: boolean): Promise<readonly LinkChange[]>;
  /** Starts, stops or restarts one unit. @param block wait for the job */
  run(kind: JobKind, unit: string, block: boolean): Promise<Job>;
  /** The instances of a template that are loaded. */
  instances(template: string): Promise<readonly string[]>;
  /** Those of the units that run, or are about to; of a template, its instances. */
  running(names: readonly string[]): Promise<readonly string[]>;
  /**
   * Removes what a unit that is stopped has kept: state, cache, logs, configuration, runtime data.
   * @returns whether it is a unit that may keep something
   */
  clean(unit: string): Promise<boolean>;
}

export interface Services {
  readonly images: Images;
  readonly units: Units;
  /** Images and the links that enable their units change together, if the requests say so: `units` need not see to it. */
  readonly linksTogether: boolean;
  close(): Promise<void>;
}
