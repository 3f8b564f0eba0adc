/** Calls of the daemon's interface, ours or systemd's, about one image each: org.freedesktop.portable1(5). */
import { quoted } from '../../base/errors.ts';
import type { BusConnection } from '../../dbus/connection.ts';
import type { Reply } from '../../dbus/reply.ts';
import type { ValueOf, ValuesOf } from '../../dbus/signature.ts';
import type {
  AttachRequest,
  Change,
  DetachRequest,
  ImageRef,
  InspectRequest,
  Metadata,
  ReattachResult,
} from '../../portable/requests.ts';
import { commandError } from '../command-error.ts';
import { checkProfile, manager } from './daemon.ts';

/** Calls a method of the daemon's. */
export type Ask = <S extends string>(member: string, signature: S, args: ValuesOf<S>) => Promise<Reply>;

/** What is done with one image. Everything fails as a CommandError. */
export interface OneImage {
  readonly state: (ref: ImageRef) => Promise<string>;
  readonly inspect: (request: InspectRequest) => Promise<Metadata>;
  readonly attach: (request: AttachRequest) => Promise<readonly Change[]>;
  readonly detach: (request: DetachRequest) => Promise<readonly Change[]>;
  readonly reattach: (request: AttachRequest) => Promise<ReattachResult>;
}

/** @param interactive whether the daemon may have the user asked for a password */
export function asking(connection: BusConnection, interactive: boolean): Ask {
  // copying an image takes as long as it takes
  const options = { interactive, timeoutMs: Infinity };
  return (member, signature, args) => connection.call({ ...manager, member }, signature, args, options);
}

/** What the daemon does with one image, call by call. */
export function oneImageOnBus(connection: BusConnection, ask: Ask): OneImage {
  return {
    state: (ref) => doing('ask for the state of', ref.image, () => state(ask, ref)),
    inspect: (request) => doing('inspect', request.image, () => inspect(ask, request)),
    attach: (request) =>
      doing('attach', request.image, async () => {
        await checkProfile(connection, request.profile);
        return attach(ask, request);
      }),
    detach: (request) => doing('detach', request.image, () => detach(ask, request)),
    reattach: (request) =>
      doing('reattach', request.image, async () => {
        await checkProfile(connection, request.profile);
        return reattach(ask, request);
      }),
  };
}

/** Runs a call; what it fails with says what was being done to which image. @throws CommandError */
export async function doing<T>(what: string, image: string | undefined, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw commandError(error, image === undefined ? what : `${what} ${quoted(image)}`, image);
  }
}

async function inspect(ask: Ask, request: InspectRequest): Promise<Metadata> {
  const { image, extensions, matches, forceExtension } = request;
  if (extensions.length === 0 && !forceExtension) {
    const reply = await ask('GetImageMetadata', 'sas', [image, matches]);
    const [path, osRelease, units] = reply.values('saya{say}');
    return { image: path, osRelease: Buffer.from(osRelease), extensions: new Map(), units: buffers(units) };
  }
  const flags = flagsOf({ runtime: false, force: false, forceExtension });
  const args = [image, extensions, matches, flags] as const;
  const reply = await ask('GetImageMetadataWithExtensions', 'sasast', args);
  const [path, osRelease, releases, units] = reply.values('saya{say}a{say}');
  return {
    image: path,
    osRelease: Buffer.from(osRelease),
    extensions: buffers(releases),
    units: buffers(units),
  };
}

async function state(ask: Ask, { image, extensions }: ImageRef): Promise<string> {
  const reply =
    extensions.length === 0
      ? await ask('GetImageState', 's', [image])
      : await ask('GetImageStateWithExtensions', 'sast', [image, extensions, 0n]);
  return reply.values('s')[0];
}

async function attach(ask: Ask, request: AttachRequest): Promise<readonly Change[]> {
  return changesOf((await change(ask, 'AttachImage', request)).values('a(sss)')[0]);
}

async function reattach(ask: Ask, request: AttachRequest): Promise<ReattachResult> {
  const [removed, updated] = (await change(ask, 'ReattachImage', request)).values('a(sss)a(sss)');
  return { removed: changesOf(removed), updated: changesOf(updated) };
}

/** The method without extensions has no flags: it is asked where none is set, as systemd's client does. */
function change(ask: Ask, member: string, request: AttachRequest): Promise<Reply> {
  const { image, extensions, matches, profile, copyMode, runtime, force, forceExtension } = request;
  if (extensions.length === 0 && !force && !forceExtension) {
    return ask(member, 'sassbs', [image, matches, profile, runtime, copyMode]);
  }
  const args = [image, extensions, matches, profile, copyMode, flagsOf(request)] as const;
  return ask(`${member}WithExtensions`, 'sasassst', args);
}

async function detach(ask: Ask, request: DetachRequest): Promise<readonly Change[]> {
  const { image, extensions, runtime, force } = request;
  const flags = flagsOf({ ...request, forceExtension: force });
  const reply =
    extensions.length === 0 && !force
      ? await ask('DetachImage', 'sb', [image, runtime])
      : await ask('DetachImageWithExtensions', 'sast', [image, extensions, flags]);
  return changesOf(reply.values('a(sss)')[0]);
}

/** The bits of the argument flags: org.freedesktop.portable1(5). */
const flagBits = { runtime: 1n, force: 2n, forceExtension: 4n } as const;

/** The argument `flags` of methods that have one. */
export function flagsOf(request: Readonly<Record<keyof typeof flagBits, boolean>>): bigint {
  const { runtime, force, forceExtension } = request;
  return (
    (runtime ? flagBits.runtime : 0n) |
    (force ? flagBits.force : 0n) |
    (forceExtension ? flagBits.forceExtension : 0n)
  );
}

/** Types of changes that a daemon has of its own are passed on. */
export function changesOf(changes: ValueOf<'a(sss)'>): readonly Change[] {
  return changes.map(([type, path, source]) => ({ type: type as Change['type'], path, source }));
}

function buffers(map: ValueOf<'a{say}'>): ReadonlyMap<string, Buffer> {
  return new Map([...map].map(([name, bytes]) => [name, Buffer.from(bytes)]));
}
