/** Getters for what others answer, which is theirs to choose and ours to check. */
import { BusError } from './bus-error.ts';
import type { IncomingMessage } from './message.ts';
import type { ValueOf, ValuesOf, Variant } from './signature.ts';

/** The answer to a call of ours. */
export class Reply {
  readonly #message: IncomingMessage;
  readonly #of: string;

  constructor(message: IncomingMessage, method: { readonly destination: string; readonly member: string }) {
    this.#message = message;
    this.#of = `${method.destination} to ${method.member}`;
  }

  /** @throws BusError InvalidSignature when it carries anything else than `signature` */
  values<S extends string>(signature: S): ValuesOf<S> {
    const actual = this.#message.signature;
    if (actual !== signature) throw unexpected(`the answer of ${this.#of}`, actual, signature);
    return this.#message.values(signature);
  }
}

/**
 * What is in a variant.
 * @param what whose value it is, for the message
 * @throws BusError InvalidSignature when it is of another type
 */
export function variantValue<S extends string>(variant: Variant, signature: S, what: string): ValueOf<S> {
  if (variant.signature !== signature) throw unexpected(what, variant.signature, signature);
  // the decoder built the value by that signature
  return variant.value as ValueOf<S>;
}

function unexpected(what: string, actual: string, expected: string): BusError {
  return new BusError(
    'org.freedesktop.DBus.Error.InvalidSignature',
    `${what} has the type '${actual}', not '${expected}'`,
  );
}
