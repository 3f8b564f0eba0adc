/** Cuts the bytes that arrive into messages, keeping no more of one than somebody wants. */
import { fixedHeaderSize, IncomingMessage, readFixedHeader } from './message.ts';

export interface FramingOptions {
  /** Whether to keep a body of `size` bytes of this message; others are passed over as they arrive. */
  readonly keepBody: (message: IncomingMessage, size: number) => boolean;
  readonly onMessage: (message: IncomingMessage) => void;
}

/**
 * Returns a function to be given every piece of data as it arrives, in pieces of any size; it keeps none of them.
 * @throws DecodeError from that function, when what arrives is not D-Bus; the connection is then of no use
 */
export function messageFramer(options: FramingOptions): (chunk: Buffer) => void {
  let begun: Begun | undefined;
  return (chunk) => {
    let at = 0;
    for (;;) {
      if (begun === undefined) {
        at = takeWhole(chunk, at, options);
        if (at === chunk.length) return;
        begun = new Begun(options);
      }
      at = begun.take(chunk, at);
      if (!begun.complete) return;
      begun = undefined;
    }
  };
}

/** Takes all messages that `chunk` has whole from `at` on, which are most; returns where they end. */
function takeWhole(chunk: Buffer, at: number, { keepBody, onMessage }: FramingOptions): number {
  while (chunk.length - at >= fixedHeaderSize) {
    const fixed = readFixedHeader(chunk, at);
    const bodyAt = at + fixedHeaderSize + fixed.paddedFields;
    const end = bodyAt + fixed.body;
    if (end > chunk.length) break;
    const message = new IncomingMessage(fixed, chunk.subarray(at + fixedHeaderSize, bodyAt));
    if (keepBody(message, fixed.body)) message.complete(Buffer.from(chunk.subarray(bodyAt, end)));
    onMessage(message);
    at = end;
  }
  return at;
}

/** Asks for one part of a message after another, and is given each when it is complete. */
function* messageParts({ keepBody, onMessage }: FramingOptions): Generator<Part, undefined, Part> {
  const fixed = readFixedHeader((yield new Part(fixedHeaderSize, 'look')).bytes);
  const fields = (yield new Part(fixed.paddedFields, 'look')).bytes;
  const message = new IncomingMessage(fixed, fields);
  const keep = keepBody(message, fixed.body);
  const body = (yield new Part(fixed.body, keep ? 'keep' : 'drop')).bytes;
  if (keep) message.complete(body);
  onMessage(message);
  return undefined;
}

/** A message that comes in pieces. */
class Begun {
  readonly #parts: Generator<Part, undefined, Part>;
  #part: Part | undefined;

  constructor(options: FramingOptions) {
    this.#parts = messageParts(options);
    // the first call only starts it; what it is given then is not looked at
    this.#part = this.#parts.next(new Part(0, 'drop')).value;
  }

  get complete(): boolean {
    return this.#part === undefined;
  }

  /** Takes what it needs of `chunk` from `at` on; returns where the rest begins. */
  take(chunk: Buffer, start: number): number {
    let at = start;
    while (this.#part !== undefined) {
      at = this.#part.take(chunk, at);
      if (!this.#part.complete) break;
      this.#part = this.#parts.next(this.#part).value;
    }
    return at;
  }
}

const none = Buffer.alloc(0);

/**
 * So many bytes: to look at at once, which takes no copy when they have come in one piece; to keep, as the piece that
 * they came in is used again; or only counted.
 */
class Part {
  #bytes: Buffer = none;
  readonly #size: number;
  readonly #use: 'look' | 'keep' | 'drop';
  #missing: number;

  constructor(size: number, use: 'look' | 'keep' | 'drop') {
    this.#size = size;
    this.#use = use;
    this.#missing = size;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Takes what it needs of `chunk` from `at` on; returns where the rest begins. */
  take(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#missing);
    if (this.#use === 'look' && end - at === this.#size) this.#bytes = chunk.subarray(at, end);
    else if (this.#use !== 'drop') this.#copy(chunk, at, end);
    this.#missing -= end - at;
    return end;
  }

  #copy(chunk: Buffer, at: number, end: number): void {
    if (this.#missing === this.#size) this.#bytes = Buffer.allocUnsafe(this.#size);
    chunk.copy(this.#bytes, this.#size - this.#missing, at, end);
  }
}
