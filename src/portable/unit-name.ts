/** Unit names (systemd.unit(5), section Description) and how a portable service's prefixes match them. */

/** The unit types that a portable service may bring (portablectl(1), "attach"). */
export const portableUnitTypes = ['service', 'socket', 'target', 'timer', 'path'] as const;

export type PortableUnitType = (typeof portableUnitTypes)[number];

const namePattern = /^[A-Za-z0-9:_.\\-]+(?:@[A-Za-z0-9:_.\\@-]*)?$/;

/** The type of a unit that can be attached, or undefined when `name` is no such unit's name. */
export function portableUnitType(name: string): PortableUnitType | undefined {
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || name.length > 255) return undefined;
  const stem = name.slice(0, dot);
  const type = portableUnitTypes.find((candidate) => candidate === name.slice(dot + 1));
  if (type === undefined || !namePattern.test(stem)) return undefined;
  return type;
}

/** Whether `name` is a template ("foo@.service"), which runs only as instances. */
export function isTemplate(name: string): boolean {
  return /@\.[a-z]+$/.test(name);
}

/** Whether unit `name` begins with `prefix`, up to the end or one of "-", ".", "@". */
export function matchesPrefix(name: string, prefix: string): boolean {
  if (!name.startsWith(prefix)) return false;
  const next = name.charAt(prefix.length);
  return next === '' || next === '-' || next === '.' || next === '@';
}

/** Whether unit `name` matches any of `prefixes`; no prefixes match every unit. */
export function matchesAny(name: string, prefixes: readonly string[]): boolean {
  return prefixes.length === 0 || prefixes.some((prefix) => matchesPrefix(name, prefix));
}
