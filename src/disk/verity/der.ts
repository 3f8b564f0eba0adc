/**
 * Elements of ASN.1 as DER and BER encode them (ITU-T X.690): as much as PKCS#7 signatures and certificates need, and
 * nothing that copies or guesses.
 */

/** One element: a tag, and what is in it. */
export interface Element {
  /** The first byte: class, "constructed" and tag number. Tags of several bytes are not read. */
  readonly tag: number;
  /** The contents; of indefinite length, without the end marker. */
  readonly content: Buffer;
  /** Tag, length and contents, as encoded. */
  readonly raw: Buffer;
  /** Its length was not given (BER only). */
  readonly indefinite: boolean;
}

/** Universal tags, and those of the context. */
export const tags = {
  integer: 0x02,
  octetString: 0x04,
  objectIdentifier: 0x06,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context1: 0xa1,
} as const;

/** What is not ASN.1, or not what was expected; whoever reads says of what. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';
}

/** Elements in elements of indefinite length; what we read has 12 levels. */
const maxDepth = 32;

/** The element at the start of `bytes`; what follows it is left. */
export function readElement(bytes: Buffer): Element {
  return elementAt(bytes, 0, maxDepth);
}

/** The elements in a constructed element. */
export function children(element: Element): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < element.content.length; at += found.at(-1)?.raw.length ?? 0) {
    found.push(elementAt(element.content, at, maxDepth));
  }
  return found;
}

/** `element`, when it has that tag. @throws EncodingError saying what is missing */
export function expect(element: Element | undefined, tag: number, what: string): Element {
  if (element?.tag === tag) return element;
  throw new EncodingError(`${what} is missing`);
}

/** An object identifier in dotted form: "1.2.840.113549.1.7.2". */
export function readObjectIdentifier(element: Element | undefined, what: string): string {
  const { content } = expect(element, tags.objectIdentifier, what);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of content) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (arc >= 1n << 64n) throw new EncodingError(`${what} is no object identifier that anybody uses`);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first = 0n, ...rest] = arcs;
  const top = first < 80n ? first / 40n : 2n;
  return [top, first - top * 40n, ...rest].join('.');
}

function elementAt(bytes: Buffer, at: number, depth: number): Element {
  const tag = bytes[at];
  const length = bytes[at + 1];
  if (tag === undefined || length === undefined) throw new EncodingError('it ends within an element');
  if ((tag & 0x1f) === 0x1f) throw new EncodingError('it has a tag of several bytes');
  if (length === 0x80) return indefinite(bytes, at, depth);
  const lengthBytes = length < 0x80 ? 0 : length & 0x7f;
  if (lengthBytes > 4) throw new EncodingError('it has an element of more than 4 GiB');
  const start = at + 2 + lengthBytes;
  if (start > bytes.length) throw new EncodingError('it ends within a length');
  const size = lengthBytes === 0 ? length : bytes.readUIntBE(at + 2, lengthBytes);
  if (start + size > bytes.length) throw new EncodingError('it ends within an element');
  return {
    tag,
    content: bytes.subarray(start, start + size),
    raw: bytes.subarray(at, start + size),
    indefinite: false,
  };
}

/** Elements up to two zero bytes. */
function indefinite(bytes: Buffer, at: number, depth: number): Element {
  const tag = bytes[at] ?? 0;
  if ((tag & 0x20) === 0) throw new EncodingError('it has a value of indefinite length');
  if (depth === 0) throw new EncodingError('it is nested too deeply');
  let next = at + 2;
  while (bytes[next] !== 0 || bytes[next + 1] !== 0) next += elementAt(bytes, next, depth - 1).raw.length;
  return {
    tag,
    content: bytes.subarray(at + 2, next),
    raw: bytes.subarray(at, next + 2),
    indefinite: true,
  };
}
