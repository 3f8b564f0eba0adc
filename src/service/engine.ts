/**
 * What the bus objects need done, whoever does it: the daemon's composition root puts src/images and src/portable
 * behind it, tests a fake. Every method throws PortableErrors that say which file and why.
 */
import type { Image, ImageFacts } from '../images/image.ts';
import type {
  AttachRequest,
  Change,
  DetachRequest,
  ImageRef,
  ImageState,
  InspectRequest,
  Metadata,
  ReattachResult,
} from '../portable/requests.ts';

export interface ListedImage {
  readonly image: Image;
  readonly facts: ImageFacts;
  readonly state: ImageState;
}

/** Bytes used and allowed by the pool's quota; unknownSize where there is none. */
export interface PoolQuota {
  readonly usage: bigint;
  readonly limit: bigint;
}

/** Arguments named `image` are a name or an absolute, normalized path, their syntax checked. */
export interface Engine {
  readonly poolPath: string;
  poolQuota(): Promise<PoolQuota>;
  /** Names of the profiles, sorted. */
  profiles(): Promise<readonly string[]>;

  /** Names of the images in the search path. */
  imageNames(): Promise<readonly string[]>;
  /** Every image in the search path with its facts and state, in one pass. */
  listImages(): Promise<readonly ListedImage[]>;
  /** @throws PortableError NoSuchImage */
  findByName(name: string): Promise<Image>;
  facts(image: Image): Promise<ImageFacts>;
  /** Whether anybody on the host could read the images themselves: what may be told without authorization. */
  worldReadable(ref: ImageRef): Promise<boolean>;

  state(ref: ImageRef): Promise<ImageState>;
  osRelease(image: string): Promise<ReadonlyMap<string, string>>;
  inspect(request: InspectRequest): Promise<Metadata>;

  attach(request: AttachRequest): Promise<readonly Change[]>;
  detach(request: DetachRequest): Promise<readonly Change[]>;
  reattach(request: AttachRequest): Promise<ReattachResult>;

  remove(image: string): Promise<void>;
  markReadOnly(image: string, readOnly: boolean): Promise<void>;
  /** @param bytes unknownSize lifts the limit */
  setImageLimit(image: string, bytes: bigint): Promise<void>;
  /** @param bytes unknownSize lifts the limit */
  setPoolLimit(bytes: bigint): Promise<void>;
}
