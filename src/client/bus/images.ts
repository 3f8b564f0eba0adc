/** The images of a host as its daemon tells of them, ours or systemd's: org.freedesktop.portable1(5). */
import { quoted } from '../../base/errors.ts';
import type { BusConnection } from '../../dbus/connection.ts';
import { variantValue, type Reply } from '../../dbus/reply.ts';
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
import type { Images, ListedImage } from '../services.ts';
import { attachAll, detachAll, reattachAll } from './several.ts';
import { CommandError, commandError } from '../command-error.ts';

const manager = {
  destination: 'org.freedesktop.portable1',
  path: '/org/freedesktop/portable1',
  interface: 'org.freedesktop.portable1.Manager',
} as const;

/** Calls a method of the daemon's. */
type Ask = <S extends string>(member: string, signature: S, args: ValuesOf<S>) => Promise<Reply>;

/** @param interactive whether the daemon may have the user asked for a password */
export function imagesOnBus(connection: BusConnection, interactive: boolean): Images {
  // copying an image takes as long as it takes
  const options = { interactive, timeoutMs: Infinity };
  const ask: Ask = (member, signature, args) =>
    connection.call({ ...manager, member }, signature, args, options);
  const one = {
    state: (ref: ImageRef) => doing('ask for the state of', ref.image, () => state(ask, ref)),
    inspect: (request: InspectRequest) => doing('inspect', request.image, () => inspect(ask, request)),
    attach: (request: AttachRequest) =>
      doing('attach', request.image, async () => {
        await checkProfilePath(connection, request.profile);
        return attach(ask, request);
      }),
    detach: (request: DetachRequest) => doing('detach', request.image, () => detach(ask, request)),
    reattach: (request: AttachRequest) =>
      doing('reattach', request.image, async () => {
        await checkProfilePath(connection, request.profile);
        return reattach(ask, request);
      }),
  };
  const simply = async <S extends string>(member: string, signature: S, args: ValuesOf<S>): Promise<void> => {
    (await ask(member, signature, args)).values('');
  };
  return {
    list: () => doing('list the images', undefined, () => list(ask)),
    inspect: one.inspect,
    state: one.state,
    profiles: () => doing('list the profiles', undefined, () => profiles(connection)),
    attach: async (requests) => ({ images: await attachAll(one, requests), links: [] }),
    detach: async (requests) => ({ images: await detachAll(one, requests), links: [] }),
    reattach: async (requests) => ({ images: await reattachAll(one, requests), links: [] }),
    markReadOnly: (image, readOnly) =>
      doing('change whether one may write to', image, () =>
        simply('MarkImageReadOnly', 'sb', [image, readOnly]),
      ),
    remove: (image) => doing('remove', image, () => simply('RemoveImage', 's', [image])),
    setImageLimit: (image, bytes) =>
      doing('limit the size of', image, () => simply('SetImageLimit', 'st', [image, bytes])),
    setPoolLimit: (bytes) =>
      doing('limit the size of all images', undefined, () => simply('SetPoolLimit', 't', [bytes])),
  };
}

/** Runs a call; what it fails with says what was being done to which image. @throws CommandError */
async function doing<T>(what: string, image: string | undefined, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw commandError(error, what, image);
  }
}

async function list(ask: Ask): Promise<readonly ListedImage[]> {
  const [images] = (await ask('ListImages', '', [])).values('a(ssbtttso)');
  return images.map(([name, type, readOnly, created, modified, usage, state]) => {
    return { name, type, readOnly, created, modified, usage, state };
  });
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

async function profiles(connection: BusConnection): Promise<readonly string[]> {
  const method = { ...manager, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const reply = await connection.call(method, 'ss', [manager.interface, 'Profiles']);
  return variantValue(reply.values('v')[0], 'as', 'the property Profiles of the daemon');
}

/**
 * systemd's daemon takes a path for the name of a profile that does not exist, and runs the units without any.
 * @throws CommandError
 */
async function checkProfilePath(connection: BusConnection, profile: string): Promise<void> {
  if (!profile.startsWith('/')) return;
  const log = 'org.freedesktop.LogControl1';
  const properties = 'org.freedesktop.DBus.Properties';
  const method = {
    ...manager,
    path: '/org/freedesktop/LogControl1',
    interface: properties,
    member: 'Get',
  };
  const reply = await connection.call(method, 'ss', [log, 'SyslogIdentifier']);
  const name = variantValue(reply.values('v')[0], 's', 'the name of the daemon');
  if (name === 'portabled') return;
  throw new CommandError(`Cannot use the profile ${quoted(profile)}: ${name} knows profiles by name only.`, {
    hint: 'put it below /etc/systemd/portable/profile, as NAME/service.conf, and use --profile=NAME',
  });
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

const flagBits = { runtime: 1n, force: 2n, forceExtension: 4n } as const;

function flagsOf(request: Readonly<Record<keyof typeof flagBits, boolean>>): bigint {
  const { runtime, force, forceExtension } = request;
  return (
    (runtime ? flagBits.runtime : 0n) |
    (force ? flagBits.force : 0n) |
    (forceExtension ? flagBits.forceExtension : 0n)
  );
}

/** Types of changes that a daemon has of its own are passed on. */
function changesOf(changes: ValueOf<'a(sss)'>): readonly Change[] {
  return changes.map(([type, path, source]) => ({ type: type as Change['type'], path, source }));
}

function buffers(map: ValueOf<'a{say}'>): ReadonlyMap<string, Buffer> {
  return new Map([...map].map(([name, bytes]) => [name, Buffer.from(bytes)]));
}
