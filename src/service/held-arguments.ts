/** How much memory the arguments of waiting calls may take. */
import { PortableError } from '../base/errors.ts';
import type { IncomingCall } from '../dbus/incoming-call.ts';

/** In bytes. */
const maxHeld = 32 * 1024 * 1024;
/** What calls of people are below; the bus limits their number. In bytes. */
const small = 4096;

/**
 * Counts the arguments of the calls that are not answered yet. A caller can make polkit ask a user who never answers,
 * as often as the bus lets it: with large arguments that is refused at some point, with small ones never, so that
 * nobody can keep others out.
 */
export class HeldArguments {
  #held = 0;

  /** @returns a function to be called when the call is answered @throws PortableError LimitsExceeded */
  hold({ member, size, oversized }: IncomingCall): () => void {
    if (size <= small || oversized) return () => undefined;
    if (this.#held + size > maxHeld) {
      throw new PortableError(
        'LimitsExceeded',
        `too many calls wait with large arguments, as ${member}() here`,
        {
          hint: 'try again when they are answered',
        },
      );
    }
    this.#held += size;
    return () => {
      this.#held -= size;
    };
  }
}
