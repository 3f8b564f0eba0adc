/**
 * The service manager over D-Bus.
 * Interface: org.freedesktop.systemd1(5), Manager object.
 */
import { messageOf, PortableError } from '../base/errors.ts';
import { isAbsent } from '../dbus/bus-error.ts';
import type { BusConnection } from '../dbus/connection.ts';
import { variantValue } from '../dbus/reply.ts';
import type { ValuesOf } from '../dbus/signature.ts';
import type { ActiveState, ServiceManager } from './service-manager.ts';
import { unitFileStates } from './unit-files.ts';

const destination = 'org.freedesktop.systemd1';
const path = '/org/freedesktop/systemd1';
const managerInterface = 'org.freedesktop.systemd1.Manager';
const propertiesInterface = 'org.freedesktop.DBus.Properties';

/** The manager compares every unit with every pattern: with more than these it is cheaper to be told of all. */
const maxPatterns = 32;

/**
 * The service manager on the same bus; as if there were none while nobody answers by its name.
 * @param root where its unit files are
 */
export function systemdManager(connection: BusConnection, root = '/'): ServiceManager {
  return {
    version: async () => {
      const reply = await ask(connection, propertiesInterface, 'Get', 'ss', 'v', [
        managerInterface,
        'Version',
      ]);
      return reply === undefined
        ? undefined
        : majorVersion(variantValue(reply[0], 's', 'the version of systemd'));
    },
    activeStates: async (names) => {
      if (names.length === 0) return new Map();
      const reply = await ask(connection, managerInterface, 'ListUnitsByPatterns', 'asas', 'a(ssssssouso)', [
        [],
        patternsFor(names),
      ]);
      const units = (reply?.[0] ?? []).map(([name, , , activeState]) => [name, activeState] as const);
      return statesOf(units, names);
    },
    unitFileStates: async (names) => {
      if (names.length === 0) return new Map();
      const reply = await ask(connection, propertiesInterface, 'Get', 'ss', 'v', [
        managerInterface,
        'UnitPath',
      ]);
      if (reply === undefined) return new Map();
      return unitFileStates(variantValue(reply[0], 'as', 'the unit path of systemd'), names, root);
    },
  };
}

/** undefined when there is no manager. @throws PortableError when there is one and it does not answer properly */
async function ask<In extends string, Out extends string>(
  connection: BusConnection,
  iface: string,
  member: string,
  signature: In,
  answer: Out,
  args: ValuesOf<In>,
): Promise<ValuesOf<Out> | undefined> {
  try {
    const reply = await connection.call({ destination, path, interface: iface, member }, signature, args);
    return reply.values(answer);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw new PortableError('Failed', `the service manager did not answer ${member}(): ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** "257.7-1~deb13u1" → 257 */
function majorVersion(text: string): number | undefined {
  const digits = /^\d+/.exec(text);
  return digits === null ? undefined : Number(digits[0]);
}

/** Patterns (fnmatch(3)) that let through at least the units asked for. */
function patternsFor(names: readonly string[]): readonly string[] {
  if (names.length > maxPatterns) return [];
  return names.map((name) => {
    const escaped = name.replace(/[\\*?[]/g, String.raw`\$&`);
    return isTemplate(name) ? escaped.replace(/@\./, '@*.') : escaped;
  });
}

/** Of what the manager told, what was asked: the names themselves, and the instances of templates. */
function statesOf(
  told: readonly (readonly [name: string, state: string])[],
  asked: readonly string[],
): ReadonlyMap<string, ActiveState> {
  const wanted = new Set(asked);
  const states = new Map<string, ActiveState>();
  for (const [name, state] of told) {
    const template = templateOf(name);
    if (wanted.has(name) || (template !== undefined && wanted.has(template))) states.set(name, state);
  }
  return states;
}

function isTemplate(name: string): boolean {
  return /@\.[a-z]+$/.test(name);
}

/** "foo@bar.service" → "foo@.service" */
function templateOf(name: string): string | undefined {
  const at = name.indexOf('@');
  const dot = name.lastIndexOf('.');
  return at < 0 || dot < at ? undefined : name.slice(0, at + 1) + name.slice(dot);
}
