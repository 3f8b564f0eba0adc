/** Tells when nothing has happened for a while. */

export interface IdleSettings {
  /** Milliseconds; Infinity: never. */
  readonly timeoutMs: number;
  /** Something is still being worked on, or waited for. */
  readonly busy: () => boolean;
  /** Called once. */
  readonly onIdle: () => void;
}

/**
 * Watches for idleness. A sign of activity costs no more than noting the time; one timer looks at it when the time
 * could be up, and counts on from the latest sign. While something is going on, the time starts anew.
 */
export class IdleWatch {
  readonly #settings: IdleSettings;
  #latest = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: IdleSettings) {
    this.#settings = settings;
    if (settings.timeoutMs !== Infinity) this.#arm(settings.timeoutMs);
  }

  /** A call came in, or something ended. */
  active(): void {
    this.#latest = performance.now();
  }

  /** Stops watching; onIdle will not be called any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#check();
    }, ms);
  }

  #check(): void {
    const { timeoutMs, busy, onIdle } = this.#settings;
    if (busy()) this.active();
    const left = this.#latest + timeoutMs - performance.now();
    if (left <= 0) onIdle();
    else this.#arm(Math.ceil(left));
  }
}
