/** Tells when nothing has happened for a while. */

/**
 * Watches for idleness. A sign of activity costs no more than noting the time; one timer looks at it when the time
 * could be up, and counts on from the latest sign.
 */
export class IdleWatch {
  readonly #timeoutMs: number;
  readonly #now: () => number;
  #latest: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param timeoutMs Infinity: never
   * @param now a clock in milliseconds that is never set back
   */
  constructor(timeoutMs: number, now: () => number = uptimeMs) {
    this.#timeoutMs = timeoutMs;
    this.#now = now;
    this.#latest = now();
  }

  /** A call came in, or something ended. */
  active(): void {
    this.#latest = this.#now();
  }

  /**
   * Resolves when the time has passed without activity, counted from now; never when stopped before.
   * @param busy something is still being worked on, or waited for: then the time starts anew
   */
  idle(busy: () => boolean): Promise<void> {
    this.active();
    return new Promise((resolve) => {
      if (this.#timeoutMs !== Infinity) this.#arm(this.#timeoutMs, busy, resolve);
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(ms: number, busy: () => boolean, onIdle: () => void): void {
    this.#timer = setTimeout(() => {
      if (busy()) this.active();
      const left = this.#latest + this.#timeoutMs - this.#now();
      if (left <= 0) onIdle();
      else this.#arm(Math.ceil(left), busy, onIdle);
    }, ms);
  }
}

/** Not performance.now(): Node loads that object when it is first looked at, and at start that is time lost. */
function uptimeMs(): number {
  return process.uptime() * 1000;
}
