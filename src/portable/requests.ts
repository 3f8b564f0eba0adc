/** What callers ask of the engine and what they get, decoded once from the bus, the command line or the library. */

import type { CopyProgress } from '../transaction/copy-image.ts';

export type { CopyProgress };

/** How units, profiles and images are put in place; '' is systemd's "auto". */
export type CopyMode = '' | 'copy' | 'symlink' | 'mixed';

/** An image and its extensions, each a name or an absolute normalized path. */
export interface ImageRef {
  readonly image: string;
  readonly extensions: readonly string[];
}

export interface AttachRequest extends ImageRef {
  /** Unit name prefixes; empty = every unit. */
  readonly matches: readonly string[];
  /** Profile name, or the absolute path of a profile on this machine; empty = none. */
  readonly profile: string;
  readonly copyMode: CopyMode;
  /** Below /run instead of /etc. */
  readonly runtime: boolean;
  /** FORCE_ATTACH: skip the "exists / is active" checks, replace files. */
  readonly force: boolean;
  /** FORCE_EXTENSION: relax the extension-release name match. */
  readonly forceExtension: boolean;
  /** Make the links that enable the units, too, as their [Install] sections say; for trees that are not running. */
  readonly enable?: boolean;
}

export interface DetachRequest extends ImageRef {
  readonly runtime: boolean;
  readonly force: boolean;
  /** Remove the links that enable the units, too. */
  readonly disable?: boolean;
}

/** How a change is gone about, whatever it is. */
export interface ChangeOptions {
  /** Cancels, up to the moment that everything is prepared. */
  readonly signal?: AbortSignal | undefined;
  /** Only tell what would be changed: nothing is locked, written or removed. */
  readonly dryRun?: boolean | undefined;
  /** Told of how many of the files that are to be put in place are ready; an image that is copied counts as one. */
  readonly progress?: ((ready: number, total: number) => void) | undefined;
  /** Told, a few times a second, how far the copy of an image is that takes a while. */
  readonly copying?: ((copy: CopyProgress) => void) | undefined;
}

export interface InspectRequest extends ImageRef {
  readonly matches: readonly string[];
  readonly forceExtension: boolean;
}

/** What an image carries, as GetImageMetadata returns it. */
export interface Metadata {
  /** The image's resolved path. */
  readonly image: string;
  /** os-release as stored. */
  readonly osRelease: Buffer;
  /** Path of each extension → its extension-release as stored, in the order given. */
  readonly extensions: ReadonlyMap<string, Buffer>;
  /** Unit file name → content, sorted by name. */
  readonly units: ReadonlyMap<string, Buffer>;
}

export type ImageState =
  | 'detached'
  | 'attached'
  | 'attached-runtime'
  | 'enabled'
  | 'enabled-runtime'
  | 'running'
  | 'running-runtime';

/** One change made to the host, as reported on the bus. */
export interface Change {
  readonly type: 'mkdir' | 'write' | 'copy' | 'symlink' | 'unlink';
  readonly path: string;
  /** Where it came from; empty where there is no source. */
  readonly source: string;
}

export interface ReattachResult {
  readonly removed: readonly Change[];
  readonly updated: readonly Change[];
}

/** What became of several images that were changed in one transaction. */
export interface Outcome {
  /** The changes of each image, in the order of the requests. */
  readonly images: readonly (readonly Change[])[];
  /** The links that enable units: made, or removed. */
  readonly links: readonly Change[];
}
