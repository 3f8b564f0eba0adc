/** Cuts the bytes that arrive into messages, keeping no more of one than somebody wants. */
import { extentOf, fixedHeaderSize, IncomingMessage } from './message.ts';

export interface FramingOptions {
  /** Whether to keep a body of `size` bytes of this message; others are passed over as they arrive. */
  readonly keepBody: (message: IncomingMessage, size: number) => boolean;
  readonly onMessage: (message: IncomingMessage) => void;
}

/**
 * Returns a function to be given every piece of data as it arrives, in pieces of any size.
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
    const fixed = (yield new Part(fixedHeaderSize, true)).bytes;
    const extent = extentOf(fixed);
    const fields = (yield new Part(extent.fields, true)).bytes;
    const keep = options.keepBody(new IncomingMessage(fixed, fields, undefined), extent.body);
    const body = (yield new Part(extent.body, keep)).bytes;
    options.onMessage(new IncomingMessage(fixed, fields, keep ? body : undefined));
  }
}

function startPart(parts: Generator<Part, never, Part>, finished?: Part): Part {
  // the first call only starts the generator; what it is given then is not looked at
  const next = finished === undefined ? parts.next() : parts.next(finished);
  return next.value;
}

/** So many bytes, collected, or only counted. */
class Part {
  readonly bytes: Buffer;
  #missing: number;

  constructor(size: number, keep: boolean) {
    this.bytes = Buffer.allocUnsafe(keep ? size : 0);
    this.#missing = size;
  }

  get complete(): boolean {
    return this.#missing === 0;
  }

  /** Takes what it needs of `chunk` from `at` on; returns where the rest begins. */
  take(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#missing);
    if (this.bytes.length > 0) chunk.copy(this.bytes, this.bytes.length - this.#missing, at, end);
    this.#missing -= end - at;
    return end;
  }
}
