/**
 * Names as object path labels: every byte but ASCII letters and digits, and a leading digit, is written "_"
 * and two lower-case hexadecimal digits; the empty name is "_" (spec "D-Bus interface", Objects;
 * sd_bus_path_encode(3)).
 */

/** The label that stands for `name`. */
export function encodeLabel(name: string): string {
  if (name === '') return '_';
  let label = '';
  for (const byte of Buffer.from(name)) {
    const plain = isLetter(byte) || (isDigit(byte) && label !== '');
    label += plain ? String.fromCharCode(byte) : `_${byte.toString(16).padStart(2, '0')}`;
  }
  return label;
}

/**
 * The name that `label` stands for; undefined when that would not be a name: bytes that are not UTF-8, or NUL.
 * A "_" that begins no escape stands for itself, as systemd reads it.
 */
export function decodeLabel(label: string): string | undefined {
  if (label === '_') return '';
  const latin = label.replace(/_([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  const name = utf8(Buffer.from(latin, 'latin1'));
  return name?.includes('\0') === true ? undefined : name;
}

function utf8(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  return Buffer.from(text).equals(bytes) ? text : undefined;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
