/**
 * Type signatures, parsed, and their TypeScript counterparts.
 * Format: D-Bus Specification, "Type System" and "Valid Signatures"
 * (https://dbus.freedesktop.org/doc/dbus-specification.html#type-system).
 */

/** A value together with its signature, as type `v` carries it. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** Any value of the type system, as encode.ts takes and decode.ts gives it. */
export type Value =
  boolean | number | bigint | string | Uint8Array | Variant | readonly Value[] | ReadonlyMap<Value, Value>;

/** One complete type. */
export type Type =
  | { readonly code: BasicCode | 'v' }
  | { readonly code: 'a'; readonly element: Type }
  | { readonly code: '('; readonly fields: readonly Type[] }
  | { readonly code: '{'; readonly key: Type; readonly value: Type };

interface BasicValues {
  y: number;
  b: boolean;
  n: number;
  q: number;
  i: number;
  u: number;
  x: bigint;
  t: bigint;
  d: number;
  s: string;
  o: string;
  g: string;
  /** An index into the file descriptors of the message; none are ever passed here. */
  h: number;
}

export type BasicCode = keyof BasicValues;

/**
 * The TypeScript type of one complete D-Bus type: `ValueOf<'a(ss)'>` is `readonly (readonly [string, string])[]`.
 * Byte arrays are Uint8Arrays, dictionaries Maps, structures tuples, 64-bit integers bigints. For a signature that is
 * not known when compiling it is any value.
 */
export type ValueOf<S extends string> = string extends S
  ? Value
  : Take<S> extends readonly [infer V, infer Rest]
    ? Rest extends ''
      ? V
      : never
    : never;

/** The TypeScript tuple of a message body with signature `S`. */
export type ValuesOf<S extends string> = string extends S
  ? readonly Value[]
  : S extends ''
    ? readonly []
    : Take<S> extends readonly [infer V, infer Rest extends string]
      ? readonly [V, ...ValuesOf<Rest>]
      : never;

/** The type of the first complete type in `S`, and what is left of `S` behind it. */
type Take<S extends string> = S extends `ay${infer Rest}`
  ? readonly [Uint8Array, Rest]
  : S extends `a{${infer Entry}`
    ? TakeEntry<Entry>
    : S extends `a${infer Rest}`
      ? Take<Rest> extends readonly [infer V, infer After]
        ? readonly [readonly V[], After]
        : never
      : S extends `(${infer Rest}`
        ? TakeFields<Rest>
        : S extends `v${infer Rest}`
          ? readonly [Variant, Rest]
          : S extends `${infer Code extends BasicCode}${infer Rest}`
            ? readonly [BasicValues[Code], Rest]
            : never;

type TakeEntry<S extends string> =
  Take<S> extends readonly [infer K, infer AfterKey extends string]
    ? Take<AfterKey> extends readonly [infer V, `}${infer Rest}`]
      ? readonly [ReadonlyMap<K, V>, Rest]
      : never
    : never;

type TakeFields<
  S extends string,
  Fields extends readonly unknown[] = readonly [],
> = S extends `)${infer Rest}`
  ? readonly [Fields, Rest]
  : Take<S> extends readonly [infer V, infer Rest extends string]
    ? TakeFields<Rest, readonly [...Fields, V]>
    : never;

/** A signature that is not one, or nests deeper or is longer than the specification allows. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';
}

const maxLength = 255;
const maxDepth = 32;
/** The types of one character, which nearly all values have: made once. */
const simple: ReadonlyMap<string, Type> = new Map(
  Array.from('ybnqiuxtdsoghv', (code) => [code, { code: code as BasicCode | 'v' }]),
);

/**
 * The complete types of `signature`.
 * @throws SignatureError
 */
export function parseSignature(signature: string): readonly Type[] {
  if (signature.length > maxLength) throw new SignatureError(`a signature of ${signature.length} characters`);
  const cursor = { text: signature, at: 0 };
  const types: Type[] = [];
  while (cursor.at < signature.length) types.push(parseType(cursor, 0, 0));
  return types;
}

/** Whether `signature` is one type of one character. */
export function isSimple(signature: string): boolean {
  return simple.has(signature);
}

/**
 * The single complete type that `signature` is.
 * @throws SignatureError also when it is none or several
 */
export function parseSingle(signature: string): Type {
  const known = simple.get(signature);
  if (known !== undefined) return known;
  const [type, ...rest] = parseSignature(signature);
  if (type === undefined || rest.length > 0) {
    throw new SignatureError(`'${signature}' is not a single complete type`);
  }
  return type;
}

/** The boundary, in bytes, that values of this type are aligned to ("Marshaling", table of alignments). */
export function alignmentOf(type: Type): 1 | 2 | 4 | 8 {
  switch (type.code) {
    case 'y':
    case 'g':
    case 'v':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 4;
  }
}

interface Cursor {
  readonly text: string;
  at: number;
}

function parseType(cursor: Cursor, arrays: number, structures: number): Type {
  const code = cursor.text.charAt(cursor.at++);
  const known = simple.get(code);
  if (known !== undefined) return known;
  if (arrays + (code === 'a' ? 1 : 0) > maxDepth || structures >= maxDepth) {
    throw malformed(cursor, `nests more than ${maxDepth} arrays or structures`);
  }
  if (code === 'a') {
    return cursor.text.charAt(cursor.at) === '{'
      ? { code, element: parseEntry(cursor, arrays + 1, structures + 1) }
      : { code, element: parseType(cursor, arrays + 1, structures) };
  }
  if (code === '(') return parseStructure(cursor, arrays, structures + 1);
  throw malformed(cursor, code === '' ? 'ends too early' : `has '${code}' where a type should begin`);
}

function parseStructure(cursor: Cursor, arrays: number, structures: number): Type {
  const fields: Type[] = [];
  while (cursor.text.charAt(cursor.at) !== ')') fields.push(parseType(cursor, arrays, structures));
  cursor.at++;
  if (fields.length === 0) throw malformed(cursor, 'has an empty structure');
  return { code: '(', fields };
}

function parseEntry(cursor: Cursor, arrays: number, structures: number): Type {
  cursor.at++;
  const key = parseType(cursor, arrays, structures);
  if (!isBasic(key.code)) throw malformed(cursor, 'has a dictionary key that is not a basic type');
  const value = parseType(cursor, arrays, structures);
  if (cursor.text.charAt(cursor.at++) !== '}')
    throw malformed(cursor, 'has a dictionary entry without its end');
  return { code: '{', key, value };
}

function isBasic(code: string): code is BasicCode {
  return code !== 'v' && simple.has(code);
}

function malformed(cursor: Cursor, what: string): SignatureError {
  return new SignatureError(`the signature '${cursor.text}' ${what}`);
}
