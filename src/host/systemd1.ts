/**
 * The service manager over D-Bus.
 * Interface: org.freedesktop.systemd1(5), Manager object.
 */
import { messageOf, PortableError } from '../base/errors.ts';
import { isAbsent } from '../dbus/bus-error.ts';
import type { BusConnection, Method } from '../dbus/connection.ts';
import { variantValue } from '../dbus/reply.ts';
import type { ValueOf } from '../dbus/signature.ts';
import type { ActiveState, ServiceManager } from './service-manager.ts';
import { unitFileStates } from './unit-files.ts';
import { isTemplate, templateOf } from './unit-name.ts';

const systemd = { destination: 'org.freedesktop.systemd1', path: '/org/freedesktop/systemd1' } as const;
const managerInterface = 'org.freedesktop.systemd1.Manager';

/** Where it does not run, starting it is not our business. */
const noAutoStart = true;

/** The manager compares every unit with every pattern: with more than these it is cheaper to be told of all. */
const maxPatterns = 32;

/**
 * The service manager on the same bus; as if there were none while nobody answers by its name.
 * @param root where its unit files are
 */
export function systemdManager(connection: BusConnection, root = '/'): ServiceManager {
  return {
    version: async () => {
      const text = await getProperty(connection, 'Version', 's');
      return text === undefined ? undefined : majorVersion(text);
    },
    activeStates: async (names) => {
      if (names.length === 0) return new Map();
      const method = { ...systemd, interface: managerInterface, member: 'ListUnitsByPatterns' };
      const units = await ask(method, async () => {
        const reply = await connection.call(method, 'asas', [[], patternsFor(names)], { noAutoStart });
        return reply.values('a(ssssssouso)')[0];
      });
      return statesOf(
        (units ?? []).map(([name, , , activeState]) => [name, activeState] as const),
        names,
      );
    },
    unitFileStates: async (names) => {
      if (names.length === 0) return new Map();
      const unitPath = await askUnitPath(connection);
      return unitPath === undefined ? new Map() : unitFileStates(unitPath, names, root);
    },
  };
}

/** Where the service manager on the bus looks for unit files, first hit wins; undefined when there is no manager. */
export function askUnitPath(connection: BusConnection): Promise<readonly string[] | undefined> {
  return getProperty(connection, 'UnitPath', 'as');
}

/** A property of the manager, undefined when there is no manager. @throws PortableError */
function getProperty<S extends string>(
  connection: BusConnection,
  name: string,
  signature: S,
): Promise<ValueOf<S> | undefined> {
  const method = { ...systemd, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  return ask(method, async () => {
    const reply = await connection.call(method, 'ss', [managerInterface, name], { noAutoStart });
    const [variant] = reply.values('v');
    return variantValue(variant, signature, `the property ${name} of systemd`);
  });
}

/** undefined when there is no manager. @throws PortableError when there is one and it does not answer properly */
async function ask<T>(method: Method, question: () => Promise<T>): Promise<T | undefined> {
  try {
    return await question();
  } catch (error) {
    if (isAbsent(error)) return undefined;
    const message = `the service manager did not answer ${method.member}(): ${messageOf(error)}`;
    throw new PortableError('Failed', message, { cause: error });
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
