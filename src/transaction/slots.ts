/**
 * The temporary names of a transaction. Each entry has two, in the directory it works in: `new` holds what will be
 * put in place, `old` keeps what was there, until the end. Hidden names without a unit suffix: the service manager
 * takes neither for a unit nor for a drop-in (systemd.unit(5): only valid unit names with a known suffix, and
 * "*.conf" in drop-in directories, which skip hidden files).
 */

const prefix = '.#portabled-';
const idPattern = '[0-9a-f]{16}';
const slotPattern = new RegExp(`^\\.#portabled-(?<id>${idPattern})-[0-9]+\\.(?<kind>new|old)$`);

export type SlotKind = 'new' | 'old';

/** The temporary name of the entry with that index in the transaction `id`. */
export function slotName(id: string, index: number, kind: SlotKind): string {
  return `${prefix}${id}-${index}.${kind}`;
}

/** Which transaction a temporary name belongs to; undefined for any other name. */
export function parseSlotName(name: string): { id: string; kind: SlotKind } | undefined {
  const groups = slotPattern.exec(name)?.groups;
  if (groups === undefined) return undefined;
  return { id: groups['id'] ?? '', kind: groups['kind'] === 'new' ? 'new' : 'old' };
}

/** Whether `id` can be the id of a transaction. */
export function isTransactionId(id: string): boolean {
  return new RegExp(`^${idPattern}$`).test(id);
}
