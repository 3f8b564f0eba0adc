/**
 * Everything portabled can do with images, as one object: the daemon serves it on the bus, programs use it as a
 * library, the offline client points it at a directory. Reads never wait; changes are made one after another.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { PortableError, messageOf, quoted } from '../base/errors.ts';
import { onDisk } from '../base/logical-path.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { markReadOnly, removeImage, setImageLimit } from '../images/change.ts';
import { imageFacts } from '../images/facts.ts';
import type { Image, ImageFacts } from '../images/image.ts';
import { poolQuota, setPoolLimit } from '../images/pool.ts';
import type { PoolQuota } from '../images/pool.ts';
import { findByName, findImage, listImages } from '../images/search.ts';
import { apply } from '../transaction/apply.ts';
import type { TransactionEnvironment } from '../transaction/environment.ts';
import type { Lock } from '../transaction/lock.ts';
import { recover, recoverJournals } from '../transaction/recover.ts';
import { scanAttached } from './attachments.ts';
import type { MutationContext, PortableContext } from './context.ts';
import { attach, detach, reattach } from './engine.ts';
import { inspect, osRelease } from './inspect.ts';
import { wantedFound, wantedImages } from './match.ts';
import { listProfiles } from './profiles.ts';
import type {
  AttachRequest,
  Change,
  DetachRequest,
  ImageRef,
  ImageState,
  InspectRequest,
  Metadata,
  ReattachResult,
} from './requests.ts';
import { imageStates } from './state.ts';
import { isWorldReadable } from './world-readable.ts';

/** An image of the search path with everything a listing tells. */
export interface ListedImage {
  readonly image: Image;
  readonly facts: ImageFacts;
  readonly state: ImageState;
}

export interface Portables {
  /** The directory images are kept in. */
  readonly poolPath: string;
  poolQuota(): Promise<PoolQuota>;
  /** Names of the images in the search path, sorted. */
  imageNames(): Promise<readonly string[]>;
  /** All images of the search path, sorted by name. One pass, however many there are. */
  listImages(): Promise<readonly ListedImage[]>;
  /** @throws PortableError NoSuchImage */
  findByName(name: string): Promise<Image>;
  /** @param image a name or an absolute path */
  find(image: string): Promise<Image>;
  facts(image: Image): Promise<ImageFacts>;
  state(ref: ImageRef): Promise<ImageState>;
  /** The os-release of an image, parsed; empty when it has none. */
  osRelease(image: string): Promise<ReadonlyMap<string, string>>;
  inspect(request: InspectRequest): Promise<Metadata>;
  /** Whether anyone could read these images themselves: what may be told without asking polkit. */
  worldReadable(ref: ImageRef): Promise<boolean>;
  attach(request: AttachRequest, signal?: AbortSignal): Promise<readonly Change[]>;
  detach(request: DetachRequest, signal?: AbortSignal): Promise<readonly Change[]>;
  reattach(request: AttachRequest, signal?: AbortSignal): Promise<ReattachResult>;
  /** Removes an image that is not attached. */
  remove(image: string): Promise<void>;
  markReadOnly(image: string, readOnly: boolean): Promise<void>;
  /** @param bytes the maximum uint64 lifts the limit */
  setImageLimit(image: string, bytes: bigint): Promise<void>;
  setPoolLimit(bytes: bigint): Promise<void>;
  profiles(): Promise<readonly string[]>;
  /** Ends what a crash left unfinished. @returns how many transactions that were */
  recover(): Promise<number>;
}

/** What is needed besides the context to change the host. */
export interface PortablesOptions extends PortableContext {
  /** Held while a change is planned and made, by whatever process. */
  readonly lock: Lock;
}

export function createPortables(options: PortablesOptions): Portables {
  const context: PortableContext = options;
  const mutate = <T>(work: (context: MutationContext) => Promise<T>, signal?: AbortSignal): Promise<T> =>
    whileLocked(options, work, signal);
  return {
    poolPath: context.paths.pool,
    poolQuota: () => poolQuota(context.root, context.paths),
    imageNames: async () => (await listImages(context)).map((image) => image.name),
    listImages: () => listWithState(context),
    findByName: (name) => findByName(context, name),
    find: (image) => findImage(context, image),
    facts: (image) => imageFacts(context.root, image),
    state: (ref) => stateOf(context, ref),
    osRelease: (image) => osRelease(context, image),
    inspect: (request) => inspect(context, request),
    worldReadable: (ref) => isWorldReadable(context, ref),
    attach: (request, signal) => mutate((locked) => attach(locked, request, signal), signal),
    detach: (request, signal) => mutate((locked) => detach(locked, request, signal), signal),
    reattach: (request, signal) => mutate((locked) => reattach(locked, request, signal), signal),
    remove: (image) => mutate((locked) => removeDetached(locked, image)),
    markReadOnly: (image, readOnly) =>
      mutate(async (locked) => markReadOnly(locked.root, await findImage(locked, image), readOnly)),
    setImageLimit: (image, bytes) =>
      mutate(async (locked) => setImageLimit(locked.root, await findImage(locked, image), bytes)),
    setPoolLimit: (bytes) => mutate((locked) => setPoolLimit(locked.root, locked.paths, bytes)),
    profiles: () => listProfiles(context),
    recover: async () => (await recover(environment(options, options.lock, false))).length,
  };
}

/** How many images are looked at before other work gets a turn. */
const listingBatch = 128;

async function listWithState(context: PortableContext): Promise<readonly ListedImage[]> {
  const images = await listImages(context);
  const states = await imageStates(context, images.map(wantedFound));
  const listed: ListedImage[] = [];
  for (const [i, image] of images.entries()) {
    if (i % listingBatch === listingBatch - 1) await turn();
    const [facts, state] = [await factsOrGone(context, image), states[i]];
    if (facts !== undefined && state !== undefined) listed.push({ image, facts, state });
  }
  return listed;
}

/** An image that has gone since it was listed is not there any more; one that cannot be looked at affects only itself. */
async function factsOrGone(context: PortableContext, image: Image): Promise<ImageFacts | undefined> {
  try {
    return await imageFacts(context.root, image);
  } catch (error) {
    context.log.warning(`leaving ${quoted(image.foundAt)} out: ${messageOf(error)}`);
    return undefined;
  }
}

async function stateOf(context: PortableContext, ref: ImageRef): Promise<ImageState> {
  const [state] = await imageStates(context, [await wantedImages(context, ref)]);
  return state ?? 'detached';
}

/** Holds the lock over checking, planning and applying: what was checked is still true when it is done. */
async function whileLocked<T>(
  options: PortablesOptions,
  work: (context: MutationContext) => Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  const release = await options.lock.acquire(signal);
  const held: Lock = { acquire: () => Promise.resolve(() => Promise.resolve()) };
  try {
    await endInterrupted(environment(options, held, false));
    return await work({
      ...options,
      apply: (plan, runtime, cancel) =>
        apply(plan, { ...environment(options, held, runtime), signal: cancel }),
    });
  } finally {
    await release();
  }
}

/** What a crash left must be ended before a new change is planned on top of it. */
async function endInterrupted(env: TransactionEnvironment): Promise<void> {
  for (const { outcome, error } of await recoverJournals(env)) if (outcome === 'failed') throw error;
}

function environment(options: PortablesOptions, lock: Lock, runtime: boolean): TransactionEnvironment {
  const { root, paths, log } = options;
  const dirs = [paths.journal.persistent, paths.journal.runtime].map((directory) => onDisk(root, directory));
  return {
    root,
    bases: changedDirectories(paths),
    journalDir: onDisk(root, runtime ? paths.journal.runtime : paths.journal.persistent),
    journalDirs: dirs,
    lock,
    log,
  };
}

function changedDirectories(paths: HostPaths): readonly string[] {
  const { attached, imageLinks } = paths;
  return [attached.persistent, attached.runtime, imageLinks.persistent, imageLinks.runtime];
}

async function removeDetached(context: MutationContext, name: string): Promise<void> {
  const image = await findImage(context, name);
  const { attached } = context.paths;
  for (const directory of [attached.persistent, attached.runtime]) {
    const users = await scanAttached(context.root, directory, context.log);
    const user = users.find(({ images }) => images.includes(image.path) || images.includes(image.foundAt));
    if (user === undefined) continue;
    throw new PortableError(
      'Busy',
      `${quoted(image.foundAt)} is attached: the unit ${quoted(user.unit)} is from it`,
      {
        file: image.foundAt,
        hint: 'detach it first',
      },
    );
  }
  await removeImage(context.root, image);
}
