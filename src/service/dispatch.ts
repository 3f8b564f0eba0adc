/** From a method call to its answer. Unknown objects, interfaces and methods are told apart as sd-bus does. */
import { PortableError, quoted } from '../base/errors.ts';
import type { BusConnection } from '../dbus/connection.ts';
import type { IncomingCall } from '../dbus/incoming-call.ts';
import type { Authority } from '../host/authority.ts';
import type { Answer } from './answer.ts';
import { authorizeCall } from './authorization.ts';
import { bind, type BoundInterface, type Tell } from './interface.ts';
import { introspectionXml } from './introspection.ts';
import { findFixedObject, findImageObject, type BusObject, type Objects } from './object-tree.ts';
import type { OperationLimit } from './operation-limit.ts';
import type { ForCaller } from './patience.ts';
import { togetherPath } from './paths.ts';
import { checkPropertiesArguments, getAllProperties, getProperty, setProperty } from './properties.ts';
import { togetherInterface } from './together.ts';

export interface Dispatching extends Objects {
  readonly authority: Authority;
  readonly limit: OperationLimit;
  readonly forCaller: ForCaller;
  /** Sends a signal to one peer. */
  readonly tell: BusConnection['tell'];
  /** 32 hexadecimal digits (machine-id(5)). */
  readonly machineId: () => Promise<string>;
}

/**
 * Does what the call asks for.
 * @throws PortableError and whatever the engine throws
 */
export async function dispatch(call: IncomingCall, context: Dispatching): Promise<Answer> {
  if (call.interface === 'org.freedesktop.DBus.Peer') return callPeer(call, context);
  // sd-bus answers like this to every call without an interface, wherever it goes
  if (call.interface === undefined) throw unknownObject(call);
  // ours alone, and in no introspection: whoever does not know of it finds nothing there
  if (call.path === togetherPath && call.interface === togetherInterface.name) {
    return callMethod(call, bind(togetherInterface, context.engine), context);
  }
  const introspects =
    call.interface === 'org.freedesktop.DBus.Introspectable' && call.member === 'Introspect';
  const properties = call.interface === 'org.freedesktop.DBus.Properties';
  if (introspects && call.signature !== '') {
    throw new PortableError('InvalidArgs', 'Introspect() takes no arguments');
  }
  if (properties) checkPropertiesArguments(call);
  const object = findFixedObject(call.path, context) ?? (await findImageObject(call.path, context));
  if (object === undefined) throw unknownObject(call);
  if (introspects) return introspect(object);
  if (object.kind === 'node') throw unknownObject(call);
  if (properties) return callProperties(call, object.interface, context);
  return await callMethod(call, object.interface, context);
}

async function callPeer(call: IncomingCall, { machineId }: Dispatching): Promise<Answer> {
  switch (call.member) {
    case 'Ping':
      return { signature: '', values: [] };
    case 'GetMachineId':
      return { signature: 's', values: [await machineId()] };
    default:
      throw unknownMethod(call);
  }
}

async function introspect(object: BusObject): Promise<Answer> {
  const xml = introspectionXml(object.interface?.description, await object.children());
  return { signature: 's', values: [xml] };
}

function callProperties(
  call: IncomingCall,
  bound: BoundInterface | undefined,
  { authority }: Dispatching,
): Promise<Answer> {
  switch (call.member) {
    case 'Get':
      return getProperty(call, bound);
    case 'GetAll':
      return getAllProperties(call, bound);
    case 'Set':
      return setProperty(call, bound, authority);
    default:
      throw unknownMethod(call);
  }
}

async function callMethod(
  call: IncomingCall,
  bound: BoundInterface | undefined,
  context: Dispatching,
): Promise<Answer> {
  const methods = bound?.description.name === call.interface ? bound?.description.methods : undefined;
  const method =
    methods !== undefined && Object.hasOwn(methods, call.member) ? methods[call.member] : undefined;
  if (bound === undefined || method === undefined) throw unknownMethod(call);
  const expected = method.inSignature;
  if (call.signature !== expected) {
    throw new PortableError('InvalidArgs', `${call.member}() takes '${expected}', not '${call.signature}'`);
  }
  if (call.oversized) {
    throw new PortableError(
      'LimitsExceeded',
      `the arguments of ${call.member}() are ${call.size} bytes long`,
    );
  }
  const prepared = bound.prepare(call.member, call.values(expected));
  const caller = { name: call.sender, interactive: call.interactive };
  if (method.access !== 'anyone') {
    for (const subject of prepared.subjects) await authorizeCall(method.access, subject, caller, context);
  }
  const tell: Tell = (member, signature, values) => {
    context.tell(
      { to: call.sender, path: call.path, interface: bound.description.name, member },
      signature,
      values,
    );
  };
  const run = (signal?: AbortSignal): Promise<readonly unknown[]> =>
    prepared.run(context.engine, tell, signal);
  // who wants no answer may leave: that is how some clients say that they do not want to wait
  const waits = method.access === 'attach' && call.expectsReply;
  const values = await context.limit.run(method.access, () =>
    waits ? context.forCaller(call.sender, run) : run(),
  );
  return { signature: method.outSignature, values };
}

function unknownObject(call: IncomingCall): PortableError {
  return new PortableError('UnknownObject', `unknown object ${quoted(call.path)}`);
}

function unknownMethod(call: IncomingCall): PortableError {
  const where = call.interface === undefined ? '' : ` in an interface ${quoted(call.interface)}`;
  return new PortableError(
    'UnknownMethod',
    `${quoted(call.path)} has no method ${quoted(call.member)}${where}`,
  );
}
