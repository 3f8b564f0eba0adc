/** Which units a portable service may bring, and how prefixes match their names. */
import { parseUnitName } from '../host/unit-name.ts';

/** The unit types that a portable service may bring (portablectl(1), "attach"). */
export const portableUnitTypes = ['service', 'socket', 'target', 'timer', 'path'] as const;

export type PortableUnitType = (typeof portableUnitTypes)[number];

/** The type of a unit that can be attached, or undefined when `name` is no such unit's name. */
export function portableUnitType(name: string): PortableUnitType | undefined {
  const type = parseUnitName(name)?.type;
  return portableUnitTypes.find((candidate) => candidate === type);
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
