/** Calls of the portable service, spelled as the cases want to read them. */
import type { Host } from '../host.ts';
import type { CallStep, HostStep } from './case.ts';

export const managerPath = '/org/freedesktop/portable1';
export const imagesPath = `${managerPath}/image`;
export const managerInterface = 'org.freedesktop.portable1.Manager';
export const imageInterface = 'org.freedesktop.portable1.Image';
export const logControlPath = '/org/freedesktop/LogControl1';
export const logControlInterface = 'org.freedesktop.LogControl1';
export const unlimited = 2n ** 64n - 1n;

/** The bits of flags arguments. */
export const runtime = 1n;
export const force = 2n;
export const forceExtension = 4n;

/** How to attach; the defaults are those of the shortest portablectl command line with --runtime. */
export interface Attaching {
  readonly matches?: readonly string[];
  readonly profile?: string;
  readonly runtime?: boolean;
  readonly copy?: string;
  readonly uid?: number;
}

export function attach(image: string, how: Attaching = {}): CallStep {
  return { member: 'AttachImage', signature: 'sassbs', ...attachArguments(image, how) };
}

export function reattach(image: string, how: Attaching = {}): CallStep {
  return { member: 'ReattachImage', signature: 'sassbs', ...attachArguments(image, how) };
}

function attachArguments(image: string, how: Attaching): Pick<CallStep, 'body' | 'uid'> {
  const { matches = [], profile = '', runtime = true, copy = '', uid = 0 } = how;
  return { body: [image, matches, profile, runtime, copy], uid };
}

export function detach(image: string, isRuntime = true, uid = 0): CallStep {
  return { member: 'DetachImage', signature: 'sb', body: [image, isRuntime], uid };
}

/** As above, with extensions and flags. */
export interface Layering {
  readonly matches?: readonly string[];
  readonly profile?: string;
  readonly copy?: string;
  readonly flags?: bigint;
  readonly uid?: number;
}

export function attachLayers(image: string, extensions: readonly string[], how: Layering = {}): CallStep {
  return { member: 'AttachImageWithExtensions', ...layeredArguments(image, extensions, how) };
}

export function reattachLayers(image: string, extensions: readonly string[], how: Layering = {}): CallStep {
  return { member: 'ReattachImageWithExtensions', ...layeredArguments(image, extensions, how) };
}

function layeredArguments(
  image: string,
  extensions: readonly string[],
  how: Layering,
): Pick<CallStep, 'signature' | 'body' | 'uid'> {
  const { matches = [], profile = '', copy = '', flags = runtime, uid = 0 } = how;
  return { signature: 'sasassst', body: [image, extensions, matches, profile, copy, flags], uid };
}

export function detachLayers(
  image: string,
  extensions: readonly string[],
  flags = runtime,
  uid = 0,
): CallStep {
  return { member: 'DetachImageWithExtensions', signature: 'sast', body: [image, extensions, flags], uid };
}

export function state(image: string): CallStep {
  return { member: 'GetImageState', signature: 's', body: [image] };
}

export function stateLayers(image: string, extensions: readonly string[], flags = 0n): CallStep {
  return { member: 'GetImageStateWithExtensions', signature: 'sast', body: [image, extensions, flags] };
}

export function metadata(image: string, matches: readonly string[] = [], uid = 0): CallStep {
  return { member: 'GetImageMetadata', signature: 'sas', body: [image, matches], uid };
}

export function metadataLayers(
  image: string,
  extensions: readonly string[],
  flags = 0n,
  matches: readonly string[] = [],
  uid = 0,
): CallStep {
  const body = [image, extensions, matches, flags];
  return { member: 'GetImageMetadataWithExtensions', signature: 'sasast', body, uid };
}

/** A method whose only argument is the image. */
export function onImage(member: string, image: string, uid = 0): CallStep {
  return { member, signature: 's', body: [image], uid };
}

export function markReadOnly(image: string, readOnly: boolean, uid = 0): CallStep {
  return { member: 'MarkImageReadOnly', signature: 'sb', body: [image, readOnly], uid };
}

export function setLimit(image: string, limit: bigint, uid = 0): CallStep {
  return { member: 'SetImageLimit', signature: 'st', body: [image, limit], uid };
}

export const listImages: CallStep = { member: 'ListImages' };

export function introspect(path: string): CallStep {
  return { path, interface: 'org.freedesktop.DBus.Introspectable', member: 'Introspect' };
}

export function getAll(path: string, iface: string): CallStep {
  return {
    path,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'GetAll',
    signature: 's',
    body: [iface],
  };
}

export function get(path: string, iface: string, property: string): CallStep {
  const body = [iface, property];
  return { path, interface: 'org.freedesktop.DBus.Properties', member: 'Get', signature: 'ss', body };
}

/** Runs a command in the host that has to succeed. */
export function run(...command: string[]): HostStep {
  return (host) => host.check(command);
}

export const reload: HostStep = run('systemctl', 'daemon-reload');

export function write(file: string, content: string): HostStep {
  return (host: Host) => host.write(file, content);
}
