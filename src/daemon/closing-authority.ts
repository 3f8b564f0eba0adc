/** An authority that can be closed: while the daemon leaves, nobody is allowed anything any more. */
import { PortableError } from '../base/errors.ts';
import type { Authority } from '../host/authority.ts';

/** An authority, and what ends it. */
export interface ClosingAuthority extends Authority {
  /** Whoever still waits for an answer, or asks from now on, is told to call again. */
  readonly close: () => void;
}

/** Asks `authority` until it is closed. Calls that need no authorization change nothing, and go on. */
export function closingAuthority(authority: Authority): ClosingAuthority {
  // not one promise that all race against: it would remember everybody who ever asked
  const waiting = new Set<() => void>();
  let closed = false;
  return {
    ...authority,
    close: () => {
      closed = true;
      for (const giveUp of waiting) giveUp();
    },
    authorize: async (caller, action, details) => {
      if (closed) throw stopping();
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => reject(stopping());
        waiting.add(giveUp);
        void authority
          .authorize(caller, action, details)
          .then(resolve, reject)
          .finally(() => waiting.delete(giveUp));
      });
    },
  };
}

function stopping(): PortableError {
  return new PortableError('Cancelled', 'the service is stopping', {
    hint: 'call again, and a new one is started',
  });
}
