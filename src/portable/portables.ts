/**
 * Everything portabled can do with images, as one object: the daemon serves it on the bus, programs use it as a
 * library, the offline client points it at a directory. Reads never wait; changes are made one after another.
 */
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { PortableError, messageOf, quoted } from '../base/errors.ts';
import { resolvedOnDisk } from '../base/logical-path.ts';
import { missingDirectories } from '../base/make-directories.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { rememberingXattrs } from '../disk/host-xattrs.ts';
import { withOneVersion } from '../host/service-manager.ts';
import { markReadOnly, removeImage, setImageLimit } from '../images/change.ts';
import { imageFacts } from '../images/facts.ts';
import type { Image, ImageFacts } from '../images/image.ts';
import { poolQuota, setPoolLimit } from '../images/pool.ts';
import type { PoolQuota } from '../images/pool.ts';
import { findByName, findImage, listImages } from '../images/search.ts';
import { apply } from '../transaction/apply.ts';
import type { TransactionEnvironment } from '../transaction/environment.ts';
import { Labels } from '../transaction/labels.ts';
import type { Lock } from '../transaction/lock.ts';
import { removeIfEmpty } from '../transaction/moves.ts';
import { preview } from '../transaction/preview.ts';
import { endInterrupted, recover } from '../transaction/recover.ts';
import type { RecoveredTransaction } from '../transaction/recover.ts';
import { scanLifetime, ScanMemory } from './attachments.ts';
import { splitChanges } from './changes.ts';
import type { MutationContext, PortableContext } from './context.ts';
import { attach, detach, reattach } from './engine.ts';
import { inspect, osRelease } from './inspect.ts';
import { announce } from './journal-entries.ts';
import { wantedFound } from './match.ts';
import { listProfiles } from './profiles.ts';
import type {
  AttachRequest,
  Change,
  ChangeOptions,
  DetachRequest,
  ImageRef,
  ImageState,
  InspectRequest,
  Metadata,
  Outcome,
  ReattachResult,
} from './requests.ts';
import { imageState, imageStates } from './state.ts';
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
  attach(request: AttachRequest, how?: ChangeOptions): Promise<readonly Change[]>;
  detach(request: DetachRequest, how?: ChangeOptions): Promise<readonly Change[]>;
  reattach(request: AttachRequest, how?: ChangeOptions): Promise<ReattachResult>;
  /** As attach(), of several images in one transaction: all of them are attached, or none. All have one lifetime. */
  attachAll(requests: readonly AttachRequest[], how?: ChangeOptions): Promise<Outcome>;
  detachAll(requests: readonly DetachRequest[], how?: ChangeOptions): Promise<Outcome>;
  reattachAll(requests: readonly AttachRequest[], how?: ChangeOptions): Promise<Outcome>;
  /** Removes an image that is not attached. */
  remove(image: string): Promise<void>;
  markReadOnly(image: string, readOnly: boolean): Promise<void>;
  /** @param bytes the maximum uint64 lifts the limit */
  setImageLimit(image: string, bytes: bigint): Promise<void>;
  setPoolLimit(bytes: bigint): Promise<void>;
  profiles(): Promise<readonly string[]>;
  /** Ends what a crash left unfinished. @returns what became of each transaction; what went wrong is logged */
  recover(): Promise<readonly RecoveredTransaction[]>;
}

/** What is needed besides the context to change the host. */
export interface PortablesOptions extends PortableContext {
  /** Held while a change is planned and made, by whatever process. */
  readonly lock: Lock;
}

/** Portables on a host; nothing is read before a method is called. */
export function createPortables(given: PortablesOptions): Portables {
  const options: PortablesOptions = { ...given, readXattrs: given.readXattrs ?? rememberingXattrs() };
  const context: PortableContext = options;
  const asking = { ...context, memory: new ScanMemory() };
  const mutate = <T>(work: (context: MutationContext) => Promise<T>, how: ChangeOptions = {}): Promise<T> =>
    how.dryRun === true ? onPaper(options, work) : whileLocked(options, work, how);
  const attachAll: Portables['attachAll'] = (requests, how) =>
    mutate((locked) => attach(locked, requests), how);
  const detachAll: Portables['detachAll'] = (requests, how) =>
    mutate((locked) => detach(locked, requests), how);
  const reattachAll: Portables['reattachAll'] = (requests, how) =>
    mutate((locked) => reattach(locked, requests), how);
  return {
    poolPath: context.paths.pool,
    poolQuota: () => poolQuota(context.root, context.paths),
    imageNames: async () => (await listImages(context)).map((image) => image.name),
    listImages: () => listWithState(asking),
    findByName: (name) => findByName(context, name),
    find: (image) => findImage(context, image),
    facts: (image) => imageFacts(context.root, image),
    state: (ref) => imageState(asking, ref),
    osRelease: (image) => osRelease(context, image),
    inspect: (request) => inspect(context, request),
    worldReadable: (ref) => isWorldReadable(context, ref),
    attach: async (request, how) => {
      const { images, links } = await attachAll([request], how);
      return [...images.flat(), ...links];
    },
    detach: async (request, how) => {
      const { images, links } = await detachAll([request], how);
      return [...links, ...images.flat()];
    },
    reattach: async (request, how) => {
      const { images, links } = await reattachAll([request], how);
      return splitChanges([...images.flat(), ...links]);
    },
    attachAll,
    detachAll,
    reattachAll,
    remove: (image) => mutate((locked) => removeDetached(locked, image)),
    markReadOnly: (image, readOnly) =>
      mutate(async (locked) => markReadOnly(locked.root, await findImage(locked, image), readOnly)),
    setImageLimit: (image, bytes) =>
      mutate(async (locked) => setImageLimit(locked.root, await findImage(locked, image), bytes)),
    setPoolLimit: (bytes) => mutate((locked) => setPoolLimit(locked.root, locked.paths, bytes)),
    profiles: () => Promise.resolve(listProfiles(context)),
    recover: () => recover(environment(options, options.lock)),
  };
}

/** How many images are looked at before other work gets a turn. */
const listingBatch = 128;

async function listWithState(
  context: PortableContext & { readonly memory: ScanMemory },
): Promise<readonly ListedImage[]> {
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

/** Holds the lock over checking, planning and applying: what was checked is still true when it is done. */
async function whileLocked<T>(
  options: PortablesOptions,
  work: (context: MutationContext) => Promise<T>,
  { signal, progress, copying }: ChangeOptions,
): Promise<T> {
  const release = await options.lock.acquire(signal);
  const held: Lock = { acquire: () => Promise.resolve(() => Promise.resolve()) };
  try {
    const env = { ...environment(options, held), signal, progress, copying };
    const [persistent, runtime] = env.journalDirs;
    await endInterrupted(env);
    // a tree that is not running is left without a trace of how it was changed
    const unwanted = options.root === '/' ? [] : env.journalDirs.flatMap(withMissing);
    try {
      return await work({
        ...options,
        manager: withOneVersion(options.manager),
        apply: (plan, isRuntime) => apply(plan, { ...env, journalDir: isRuntime ? runtime : persistent }),
        announce: (done, images) => announce(options.log, done, images),
      });
    } finally {
      unwanted.forEach(removeIfEmpty);
    }
  } finally {
    await release();
  }
}

/** A directory for journals, the one for them all, and those on the way that are not there yet, innermost first. */
function withMissing(journals: string): readonly string[] {
  return [...new Set([journals, path.dirname(journals), ...missingDirectories(journals)])];
}

/** Checks and plans as if for real, and tells what the plan would do. */
function onPaper<T>(options: PortablesOptions, work: (context: MutationContext) => Promise<T>): Promise<T> {
  const { root, paths } = options;
  return work({
    ...options,
    apply: (plan) => preview(plan, { root, bases: changedDirectories(paths) }),
    announce: () => undefined,
  });
}

interface Environment extends TransactionEnvironment {
  readonly journalDirs: readonly [persistent: string, runtime: string];
}

function environment(options: PortablesOptions, lock: Lock): Environment {
  const { root, paths, log } = options;
  const journalDir = resolvedOnDisk(root, paths.journal.persistent);
  const runtime = resolvedOnDisk(root, paths.journal.runtime);
  return {
    root,
    bases: changedDirectories(paths),
    journalDir,
    journalDirs: [journalDir, runtime],
    lock,
    log,
    labels: root === '/' ? new Labels(log) : undefined,
  };
}

function changedDirectories(paths: HostPaths): readonly string[] {
  const { attached, attachedElsewhere = attached, imageLinks, enabled } = paths;
  const places = [attached, attachedElsewhere, imageLinks, enabled];
  return [...new Set(places.flatMap(({ persistent, runtime }) => [persistent, runtime]))];
}

async function removeDetached(context: MutationContext, name: string): Promise<void> {
  const image = await findImage(context, name);
  for (const lifetime of ['persistent', 'runtime'] as const) {
    const users = await scanLifetime(context, lifetime);
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
