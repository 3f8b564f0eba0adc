/** Names of units of any type (systemd.unit(5), Description). */

const types = [
  'service',
  'socket',
  'device',
  'mount',
  'automount',
  'swap',
  'target',
  'path',
  'timer',
  'slice',
  'scope',
];

const pattern = /^([A-Za-z0-9:_.\\-]+)(?:(@)([A-Za-z0-9:_.\\@-]*))?\.([a-z]+)$/;

/** A unit's name, taken apart. */
export interface UnitName {
  readonly prefix: string;
  /** Undefined for plain units, empty for templates. */
  readonly instance: string | undefined;
  readonly type: string;
}

/** The parts of a name, or undefined when it is none. */
export function parseUnitName(name: string): UnitName | undefined {
  const [, prefix = '', at, instance = '', type = ''] = pattern.exec(name) ?? [];
  if (name.length > 255 || prefix === '' || !types.includes(type)) return undefined;
  return { prefix, instance: at === undefined ? undefined : instance, type };
}

/** The template that an instance is of, "foo@bar.service" → "foo@.service"; undefined for any other unit. */
export function templateOf(name: string): string | undefined {
  const parsed = parseUnitName(name);
  return (parsed?.instance ?? '') === '' || parsed === undefined
    ? undefined
    : `${parsed.prefix}@.${parsed.type}`;
}

/** Whether a unit is a template ("foo@.service"), which runs only as instances. */
export function isTemplate(name: string): boolean {
  return parseUnitName(name)?.instance === '';
}

/** "foo@.service" and "bar" → "foo@bar.service" */
export function instanceOf(template: string, instance: string): string {
  return template.replace(/@(?=\.[a-z]+$)/, () => `@${instance}`);
}
