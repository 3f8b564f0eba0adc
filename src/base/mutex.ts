/** Mutual exclusion inside one process: holders take turns in the order in which they asked. */

/** Gives the mutex back; calling it again does nothing. */
export type Release = () => void;

interface Waiter {
  readonly admit: () => void;
}

/** A first-in first-out mutex whose waiters can give up. */
export class Mutex {
  readonly #waiting: Waiter[] = [];
  #held = false;

  /**
   * Resolves when it is the caller's turn.
   * @param signal gives up waiting; an already acquired mutex is not affected
   * @throws the signal's reason
   */
  async acquire(signal?: AbortSignal): Promise<Release> {
    signal?.throwIfAborted();
    if (this.#held) await this.#turn(signal);
    this.#held = true;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#passOn();
    };
  }

  /** Runs `work` while holding the mutex. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const release = await this.acquire(signal);
    try {
      return await work();
    } finally {
      release();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason as Error);
      };
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** Hands over without a moment in which a newcomer could slip in: #held stays true while someone waits. */
  #passOn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next.admit();
  }
}
