/** Sizes in bytes as people read and type them: "4.5G" (base 1024, as everywhere in systemd). */

const units = ['B', 'K', 'M', 'G', 'T', 'P', 'E'] as const;
const factors: ReadonlyMap<string, bigint> = new Map(units.map((unit, i) => [unit, 1024n ** BigInt(i)]));
/** systemd's sizes are signed. */
const maxSize = 2n ** 63n - 1n;

/** "4K", "1.5G", "512B": one digit behind the point, cut off, not rounded, and none where it is zero. */
export function formatSize(bytes: bigint): string {
  for (const unit of [...units].reverse()) {
    const factor = factors.get(unit) ?? 1n;
    if (bytes < factor || factor === 1n) continue;
    const tenths = (bytes * 10n) / factor;
    const fraction = tenths % 10n;
    return `${tenths / 10n}${fraction === 0n ? '' : `.${fraction}`}${unit}`;
  }
  return `${bytes}B`;
}

/**
 * Bytes of a size such as "4.5G", "512", "1G 500M" (parts from large to small are added up).
 * @returns undefined for anything else, and for more than 63 bits hold
 */
export function parseSize(text: string): bigint | undefined {
  const part = /^\s*\+?(\d+)(?:\.(\d+))?\s*([BKMGTPE]?)(?=\s|\d|$)/;
  let rest = text;
  let sum = 0n;
  let last: bigint | undefined;
  while (rest.trim() !== '' || last === undefined) {
    const match = part.exec(rest);
    if (match === null) return undefined;
    const [whole, digits = '', fraction = '', suffix = ''] = match;
    const factor = factors.get(suffix) ?? 1n;
    if (last !== undefined && factor >= last) return undefined;
    sum += BigInt(digits) * factor + (BigInt(`0${fraction}`) * factor) / 10n ** BigInt(fraction.length);
    last = factor;
    rest = rest.slice(whole.length);
  }
  return sum > maxSize ? undefined : sum;
}
