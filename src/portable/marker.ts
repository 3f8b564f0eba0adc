/**
 * The first line of every drop-in that an attachment writes. It names the images, and is the only record there
 * is of what is attached: systemd reads ours, and we read systemd's (spec "Attaching", What is written).
 */

const opening = "# Drop-in created for image '";
const closing = "', do not edit.";

/** The marker line, without a newline, for an image and its extensions. */
export function formatMarker(paths: readonly string[]): string {
  return `${opening}${paths.map(escapePath).join(':')}${closing}`;
}

/** The paths that a marker line names, image first, or undefined when `line` is no marker. */
export function parseMarker(line: string): readonly string[] | undefined {
  if (!line.startsWith(opening) || !line.endsWith(closing) || line.length < opening.length + closing.length) {
    return undefined;
  }
  const paths: string[] = [];
  for (const text of line.slice(opening.length, -closing.length).split(':')) {
    const path = unescapePath(text);
    if (path?.startsWith('/') !== true) return undefined;
    paths.push(path);
  }
  return paths;
}

/** As systemd writes it: ":", "\" and every byte that is not printable ASCII as \xHH. */
function escapePath(path: string): string {
  let result = '';
  for (const byte of Buffer.from(path)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x3a && byte !== 0x5c;
    result += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return result;
}

/** Undoes escapePath; bytes that older versions left unescaped stand for themselves. Undefined for bad UTF-8. */
function unescapePath(text: string): string | undefined {
  const pieces = text.split(/\\x([0-9a-f]{2})/);
  const bytes = pieces.map((piece, i) => (i % 2 === 0 ? Buffer.from(piece) : Buffer.from(piece, 'hex')));
  const all = Buffer.concat(bytes);
  const path = all.toString();
  return Buffer.from(path).equals(all) && !path.includes('\0') ? path : undefined;
}
