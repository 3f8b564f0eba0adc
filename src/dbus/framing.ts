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
  const parts = messageParts(options);
  let part = startPart(parts);
  return (chunk) => {
    let at = 0;
    for (;;) {
      at = part.take(chunk, at);
      if (!part.complete) return;
      part = startPart(parts, part);
    }
  };
}

/** Asks for one part of a message after another, and is given each when it is complete. */
function* messageParts(options: FramingOptions): Generator<Part, never, Part> {
  for (;;) {
    const fixed = readFixedHeader((yield new Part(fixedHeaderSize, 'look')).bytes);
    const fields = (yield new Part(fixed.paddedFields, 'look')).bytes;
    const message = new IncomingMessage(fixed, fields);
    const keep = options.keepBody(message, fixed.body);
    const body = (yield new Part(fixed.body, keep ? 'keep' : 'drop')).bytes;
    if (keep) message.complete(body);
    options.onMessage(message);
  }
}

function startPart(parts: Generator<Part, never, Part>, finished?: Part): Part {
  // the first call only starts the generator; what it is given then is not looked at
  const next = finished === undefined ? parts.next() : parts.next(finished);
  return next.value;
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
