/**
 * The methods that exist twice: on the manager with the image as first argument, and on the image's own object
 * without it. Each is described once, here; manager.ts and image.ts give them their names.
 */
import type { Change, ImageRef, InspectRequest, Metadata } from '../portable/requests.ts';
import { imageRef, noFlags, parseCopyMode, parseFlags, parseLimit } from './arguments.ts';
import type { Engine } from './engine.ts';
import type { Access, Arguments, Subject, ValuesFor } from './interface.ts';

/** A method on an image, wherever the image is given. */
export interface Operation<I extends Arguments, O extends Arguments, Request extends Subject> {
  /** Without the image. */
  readonly in: I;
  readonly out: O;
  readonly access: Access;
  /** @throws PortableError InvalidArgs */
  readonly decode: (image: string, ...args: ValuesFor<I>) => Request;
  /** @param signal cancels changes that are not decided yet */
  readonly run: (engine: Engine, request: Request, signal?: AbortSignal) => Promise<ValuesFor<O>>;
}

const metadataOut = [
  ['image', 's'],
  ['os_release', 'ay'],
  ['units', 'a{say}'],
] as const;
const metadataWithExtensionsOut = [
  ['image', 's'],
  ['os_release', 'ay'],
  ['extensions', 'a{say}'],
  ['units', 'a{say}'],
] as const;
const changesOut = [['changes', 'a(sss)']] as const;
const changesOutReattach = [
  ['changes_removed', 'a(sss)'],
  ['changes_updated', 'a(sss)'],
] as const;
const attachIn = [
  ['matches', 'as'],
  ['profile', 's'],
  ['runtime', 'b'],
  ['copy_mode', 's'],
] as const;
const attachWithExtensionsIn = [
  ['extensions', 'as'],
  ['matches', 'as'],
  ['profile', 's'],
  ['copy_mode', 's'],
  ['flags', 't'],
] as const;

export const getOSRelease = operation({
  in: [],
  out: [['os_release', 'a{ss}']],
  access: 'inspect',
  decode: (image) => imageRef(image),
  run: async (engine, { image }) => [await engine.osRelease(image)],
});

export const getMetadata = operation({
  in: [['matches', 'as']],
  out: metadataOut,
  access: 'inspect',
  decode: (image, matches) => inspectRequest(imageRef(image), matches, false),
  run: async (engine, request) => {
    const found = await engine.inspect(request);
    return [found.image, found.osRelease, found.units];
  },
});

export const getMetadataWithExtensions = operation({
  in: [
    ['extensions', 'as'],
    ['matches', 'as'],
    ['flags', 't'],
  ],
  out: metadataWithExtensionsOut,
  access: 'inspect',
  decode: (image, extensions, matches, flags) =>
    inspectRequest(imageRef(image, extensions), matches, parseFlags(flags).forceExtension),
  run: async (engine, request) => {
    const found: Metadata = await engine.inspect(request);
    return [found.image, found.osRelease, found.extensions, found.units];
  },
});

export const getState = operation({
  in: [],
  out: [['state', 's']],
  access: 'anyone',
  decode: (image) => imageRef(image),
  run: async (engine, ref) => [await engine.state(ref)],
});

export const getStateWithExtensions = operation({
  in: [
    ['extensions', 'as'],
    ['flags', 't'],
  ],
  out: [['state', 's']],
  access: 'anyone',
  decode: (image, extensions, flags) => {
    noFlags(flags);
    return imageRef(image, extensions);
  },
  run: async (engine, ref) => [await engine.state(ref)],
});

export const attach = operation({
  in: attachIn,
  out: changesOut,
  access: 'attach',
  decode: decodeAttach,
  run: async (engine, request, signal) => [rows(await engine.attach(request, { signal }))],
});

export const attachWithExtensions = operation({
  in: attachWithExtensionsIn,
  out: changesOut,
  access: 'attach',
  decode: decodeAttachWithExtensions,
  run: async (engine, request, signal) => [rows(await engine.attach(request, { signal }))],
});

export const detach = operation({
  in: [['runtime', 'b']],
  out: changesOut,
  access: 'attach',
  decode: (image, runtime) => ({ ...imageRef(image), runtime, force: false }),
  run: async (engine, request, signal) => [rows(await engine.detach(request, { signal }))],
});

export const detachWithExtensions = operation({
  in: [
    ['extensions', 'as'],
    ['flags', 't'],
  ],
  out: changesOut,
  access: 'attach',
  decode: (image, extensions, flags) => {
    const { runtime, force } = parseFlags(flags);
    return { ...imageRef(image, extensions), runtime, force };
  },
  run: async (engine, request, signal) => [rows(await engine.detach(request, { signal }))],
});

export const reattach = operation({
  in: attachIn,
  out: changesOutReattach,
  access: 'attach',
  decode: decodeAttach,
  run: async (engine, request, signal) => {
    const { removed, updated } = await engine.reattach(request, { signal });
    return [rows(removed), rows(updated)];
  },
});

export const reattachWithExtensions = operation({
  in: attachWithExtensionsIn,
  out: changesOutReattach,
  access: 'attach',
  decode: decodeAttachWithExtensions,
  run: async (engine, request, signal) => {
    const { removed, updated } = await engine.reattach(request, { signal });
    return [rows(removed), rows(updated)];
  },
});

export const remove = operation({
  in: [],
  out: [],
  access: 'manage',
  decode: (image) => imageRef(image),
  run: async (engine, { image }) => {
    await engine.remove(image);
    return [];
  },
});

export const markReadOnly = operation({
  in: [['read_only', 'b']],
  out: [],
  access: 'manage',
  decode: (image, readOnly) => ({ ...imageRef(image), readOnly }),
  run: async (engine, { image, readOnly }) => {
    await engine.markReadOnly(image, readOnly);
    return [];
  },
});

export const setLimit = operation({
  in: [['limit', 't']],
  out: [],
  access: 'manage',
  decode: (image, limit) => ({ ...imageRef(image), limit: parseLimit(limit) }),
  run: async (engine, { image, limit }) => {
    await engine.setImageLimit(image, limit);
    return [];
  },
});

/** Infers the types of `decode` and `run` from `in` and `out`. */
function operation<const I extends Arguments, const O extends Arguments, Request extends Subject>(
  described: Operation<I, O, Request>,
): Operation<I, O, Request> {
  return described;
}

/** Its fields one by one: an object spread into another is old garbage for V8 at every call. */
function inspectRequest(
  { image, extensions }: ImageRef,
  matches: readonly string[],
  forceExtension: boolean,
): InspectRequest {
  return { image, extensions, matches, forceExtension };
}

function decodeAttach(
  image: string,
  ...[matches, profile, runtime, copyMode]: ValuesFor<typeof attachIn>
): Parameters<Engine['attach']>[0] {
  return {
    ...imageRef(image),
    matches,
    profile,
    copyMode: parseCopyMode(copyMode),
    runtime,
    force: false,
    forceExtension: false,
  };
}

/** The arguments of the methods that attach with extensions. @throws PortableError InvalidArgs */
export function decodeAttachWithExtensions(
  image: string,
  ...[extensions, matches, profile, copyMode, flags]: ValuesFor<typeof attachWithExtensionsIn>
): Parameters<Engine['attach']>[0] {
  return {
    ...imageRef(image, extensions),
    matches,
    profile,
    copyMode: parseCopyMode(copyMode),
    ...parseFlags(flags),
  };
}

/** Changes as the bus carries them. */
export function rows(changes: readonly Change[]): readonly (readonly [string, string, string])[] {
  return changes.map(({ type, path, source }) => [type, path, source] as const);
}
