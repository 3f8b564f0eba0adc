/** Values of D-Bus replies as text. */

/** `naming` may know a better word for a number. */
export function format(value: unknown, naming: (value: bigint) => string | undefined): string {
  const show = (each: unknown): string => format(each, naming);
  if (typeof value === 'bigint') return naming(value) ?? value.toString();
  if (Buffer.isBuffer(value)) return `bytes ${JSON.stringify(value.toString('latin1'))}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (isVariant(value)) return `<${value.signature} ${show(value.value)}>`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}: ${show(each)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function isVariant(value: unknown): value is { signature: string; value: unknown } {
  return typeof value === 'object' && value !== null && 'signature' in value && 'value' in value;
}
