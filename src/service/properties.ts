/** org.freedesktop.DBus.Properties, with the answers sd-bus gives. */
import { PortableError, quoted } from '../base/errors.ts';
import type { IncomingCall } from '../dbus/incoming-call.ts';
import type { Variant } from '../dbus/signature.ts';
import type { Authority } from '../host/authority.ts';
import type { Answer } from './answer.ts';
import type { BoundInterface, Property } from './interface.ts';
import { standardNames } from './introspection.ts';

/** More than this many bytes are not a property's value. */
const maxValue = 64 * 1024;

/**
 * The arguments that the methods take; more behind them are no matter. Checked before there is an object.
 * @throws PortableError InvalidArgs
 */
export function checkPropertiesArguments(call: IncomingCall): void {
  const expected = call.member === 'GetAll' ? 's' : 'ss';
  const known = ['Get', 'GetAll', 'Set'].includes(call.member);
  if (known && !call.signature.startsWith(expected)) {
    const names = expected === 's' ? 'an interface name' : 'an interface name and a property name';
    throw new PortableError('InvalidArgs', `${call.member}() takes ${names}, not '${call.signature}'`);
  }
}

/**
 * Get(ss) → v
 * @throws PortableError UnknownProperty
 */
export async function getProperty(call: IncomingCall, bound: BoundInterface | undefined): Promise<Answer> {
  const { name, property, owner } = findProperty(call, bound);
  const value = await owner.read(name);
  return { signature: 'v', values: [{ signature: property.signature, value }] };
}

/**
 * GetAll(s) → a{sv}; the empty name stands for every interface.
 * @throws PortableError UnknownInterface
 */
export async function getAllProperties(
  call: IncomingCall,
  bound: BoundInterface | undefined,
): Promise<Answer> {
  const [wanted] = call.values('s');
  const values = new Map<string, Variant | { signature: string; value: unknown }>();
  if (bound !== undefined && (wanted === '' || wanted === bound.description.name)) {
    for (const [name, { signature }] of Object.entries(bound.description.properties)) {
      values.set(name, { signature, value: await bound.read(name) });
    }
  } else if (wanted !== '' && !standardNames.includes(wanted)) {
    throw new PortableError('UnknownInterface', `${quoted(call.path)} has no interface ${quoted(wanted)}`);
  }
  return { signature: 'a{sv}', values: [values] };
}

/**
 * Set(ssv), by root only.
 * @throws PortableError InvalidArgs, UnknownProperty, PropertyReadOnly, AccessDenied
 */
export async function setProperty(
  call: IncomingCall,
  bound: BoundInterface | undefined,
  authority: Authority,
): Promise<Answer> {
  const { name, property, owner } = findProperty(call, bound);
  if (property.write === undefined) {
    throw new PortableError('PropertyReadOnly', `the property ${quoted(name)} cannot be written`);
  }
  if (!call.signature.startsWith('ssv')) {
    throw new PortableError('InvalidArgs', `Set() takes a variant for ${quoted(name)}`, {
      dbusName: 'org.freedesktop.DBus.Error.InvalidSignature',
    });
  }
  if (call.size > maxValue) throw new PortableError('InvalidArgs', `too long a value for ${quoted(name)}`);
  const [, , { signature, value }] = call.values('ssv');
  if (signature !== property.signature) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(name)} is of type '${property.signature}', not '${signature}'`,
    );
  }
  if (!(await authority.isPrivileged(call.sender))) {
    throw new PortableError('AccessDenied', `only root may write ${quoted(name)}`);
  }
  owner.write(name, value);
  return { signature: '', values: [] };
}

interface Found {
  readonly name: string;
  readonly property: Property<never>;
  readonly owner: BoundInterface;
}

/** The property that the first two arguments name. */
function findProperty(call: IncomingCall, bound: BoundInterface | undefined): Found {
  const [wanted, name] = call.values('ss');
  const properties = bound?.description.name === wanted ? bound.description.properties : {};
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (bound === undefined || property === undefined) {
    throw new PortableError(
      'UnknownProperty',
      `${quoted(call.path)} has no property ${quoted(name)} in an interface ${quoted(wanted)}`,
    );
  }
  return { name, property, owner: bound };
}
