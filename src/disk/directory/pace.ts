/** Lets the event loop run between synchronous calls. */
import { setImmediate } from 'node:timers/promises';

/** How long other work may have to wait for us, milliseconds. */
const sliceMs = 5;

/** Gives way to other work every few milliseconds, however many synchronous calls a caller makes. */
export class Pace {
  #next = performance.now() + sliceMs;

  /** Call before each piece of synchronous work; costs a clock reading unless it is time to give way. */
  async giveWay(): Promise<void> {
    if (performance.now() < this.#next) return;
    await setImmediate();
    this.#next = performance.now() + sliceMs;
  }
}
