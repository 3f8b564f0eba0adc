/**
 * Messages on the wire: the header, in and out.
 * Format: D-Bus Specification, "Message Format" and "Header Fields".
 */
import { DecodeError, decodeBody, Reader } from './decode.ts';
import { EncodeError, maxMessage, Writer } from './encode.ts';
import { parseSingle, type Type, type Value, type ValuesOf } from './signature.ts';

export const messageType = { call: 1, return: 2, error: 3, signal: 4 } as const;

export const messageFlag = { noReplyExpected: 1, noAutoStart: 2, allowInteractiveAuthorization: 4 } as const;

/** Header field codes. */
const field = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
} as const;

/** byte order, type, flags, version, body length (u), serial (u), length of the header fields (u) */
export const fixedHeaderSize = 16;
const littleEndianMark = 0x6c;
const bigEndianMark = 0x42;
const protocolVersion = 1;

/** What both directions have; absent header fields are undefined. */
export interface Header {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly path?: string | undefined;
  readonly interface?: string | undefined;
  readonly member?: string | undefined;
  readonly errorName?: string | undefined;
  readonly replySerial?: number | undefined;
  readonly destination?: string | undefined;
  readonly sender?: string | undefined;
  readonly signature: string;
}

/**
 * A whole message as bytes.
 * @param limit the most bytes the result may have
 * @throws EncodeError when the body does not fit its signature or the message its limit
 */
export function encodeMessage(header: Header, body: readonly unknown[], limit = maxMessage): Buffer {
  const writer = new Writer();
  writer.byte(littleEndianMark);
  writer.byte(header.type);
  writer.byte(header.flags);
  writer.byte(protocolVersion);
  writer.uint32(0);
  writer.uint32(header.serial);
  writeFields(writer, header);
  writer.align(8);
  const bodyAt = writer.length;
  writer.values(header.signature, body);
  writer.patchUint32(4, writer.length - bodyAt);
  if (writer.length > limit) {
    throw new EncodeError(`a message of ${writer.length} bytes; the bus carries ${limit}`);
  }
  return writer.finish();
}

/** What the first bytes of a message say. */
export interface FixedHeader {
  readonly little: boolean;
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  /** Size of the header fields, in bytes. */
  readonly fields: number;
  /** The same with the padding behind them. */
  readonly paddedFields: number;
  /** Size of the body, in bytes. */
  readonly body: number;
}

/** Reads the fixed header that begins at `start`. @throws DecodeError when no message of this protocol begins so */
export function readFixedHeader(bytes: Buffer, start = 0): FixedHeader {
  const mark = bytes.readUInt8(start);
  if (
    (mark !== littleEndianMark && mark !== bigEndianMark) ||
    bytes.readUInt8(start + 3) !== protocolVersion
  ) {
    throw new DecodeError('the bus sent something that is no message of protocol version 1');
  }
  const little = mark === littleEndianMark;
  const uint32 = (at: number): number =>
    little ? bytes.readUInt32LE(start + at) : bytes.readUInt32BE(start + at);
  const [body, serial, fields] = [uint32(4), uint32(8), uint32(12)];
  const paddedFields = fields + (-fields & 7);
  if (fixedHeaderSize + paddedFields + body > maxMessage) {
    throw new DecodeError(`the bus sent a message of ${paddedFields + body} bytes`);
  }
  const [type, flags] = [bytes.readUInt8(start + 1), bytes.readUInt8(start + 2)];
  return { little, type, flags, serial, fields, paddedFields, body };
}

/** A received message. Its body is decoded on demand. */
export class IncomingMessage implements Header {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly path: string | undefined;
  readonly interface: string | undefined;
  readonly member: string | undefined;
  readonly errorName: string | undefined;
  readonly replySerial: number | undefined;
  readonly destination: string | undefined;
  readonly sender: string | undefined;
  readonly signature: string;
  /** undefined before it has come, and when it was too large to keep. */
  #body: Buffer | undefined;
  readonly #little: boolean;

  /** Of the body, in bytes. */
  readonly size: number;

  /** @param fields looked at here only */
  constructor(fixed: FixedHeader, fields: Buffer) {
    this.size = fixed.body;
    this.#little = fixed.little;
    this.type = fixed.type;
    this.flags = fixed.flags;
    this.serial = fixed.serial;
    const { text, replySerial } = readFields(headerReader(fields, fixed.little), fixed.fields);
    this.path = text[field.path];
    this.interface = text[field.interface];
    this.member = text[field.member];
    this.errorName = text[field.errorName];
    this.destination = text[field.destination];
    this.sender = text[field.sender];
    this.signature = text[field.signature] ?? '';
    this.replySerial = replySerial;
  }

  /** Called once, when the body has come. */
  complete(body: Buffer): void {
    this.#body = body;
  }

  /** Whether the body was dropped for its size; decoding it throws. */
  get oversized(): boolean {
    return this.#body === undefined;
  }

  /** The body decoded by its own signature: for the peers we asked something, who answer what they like. */
  get body(): readonly Value[] {
    return decodeBody(this.signature, this.#bytes(), this.#little);
  }

  /** The body decoded by `signature`, which must be the message's own or the beginning of it. */
  values<S extends string>(signature: S): ValuesOf<S> {
    if (!this.signature.startsWith(signature)) {
      throw new DecodeError(`the message carries '${this.signature}', not '${signature}'`);
    }
    return decodeBody(signature, this.#bytes(), this.#little);
  }

  #bytes(): Buffer {
    if (this.#body === undefined) throw new DecodeError('the message was too large to keep');
    return this.#body;
  }
}

/** An array of (code, variant), one by one: in every message, and dearer as values of that type. */
function writeFields(writer: Writer, header: Header): void {
  const add = (code: number, signature: string, value: string | number | undefined): void => {
    if (value === undefined) return;
    writer.align(8);
    writer.byte(code);
    writer.variant(signature, value);
  };
  writer.uint32(0);
  const start = writer.length;
  add(field.path, 'o', header.path);
  add(field.interface, 's', header.interface);
  add(field.member, 's', header.member);
  add(field.errorName, 's', header.errorName);
  add(field.replySerial, 'u', header.replySerial);
  add(field.destination, 's', header.destination);
  add(field.sender, 's', header.sender);
  add(field.signature, 'g', header.signature === '' ? undefined : header.signature);
  writer.patchUint32(start - 4, writer.length - start);
}

interface Fields {
  /** By code. */
  readonly text: readonly (string | undefined)[];
  readonly replySerial: number | undefined;
}

/** Parts of a text keep it alive as a whole: not for calls that wait, with headers full of what nobody knows. In bytes. */
const maxHeaderText = 1024;

/** What we read of a header is ASCII ("Valid Names", "Valid Object Paths"). */
function headerReader(fields: Buffer, little: boolean): Reader {
  const text = fields.length <= maxHeaderText ? fields.toString('latin1') : undefined;
  return new Reader(fields, little, text);
}

/** Reads the fields we know and passes over the others, as the specification asks. */
function readFields(reader: Reader, length: number): Fields {
  const text = new Array<string | undefined>(field.signature + 1).fill(undefined);
  let replySerial: number | undefined;
  while (reader.position < length) {
    reader.align(8);
    const code = reader.byte();
    const type = parseSingle(reader.signature());
    if (code === field.replySerial && type.code === 'u') replySerial = reader.uint32();
    else if (knownText(code, type)) text[code] = type.code === 'g' ? reader.signature() : reader.string();
    else reader.skip(type);
  }
  return { text, replySerial };
}

function knownText(code: number, type: Type): boolean {
  const isText = type.code === 's' || type.code === 'o' || type.code === 'g';
  return isText && code >= field.path && code <= field.signature;
}
