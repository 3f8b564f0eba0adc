/** An authority that can be closed: while the daemon leaves, nobody is allowed anything any more. */
import { PortableError } from '../base/errors.ts';
import type { Authority } from '../host/authority.ts';

/**
 * Asks `authority`, until `closing` is aborted: who still waits for an answer then, or asks afterwards, is told to
 * call again. Calls that need no authorization change nothing, and go on.
 */
export function closingAuthority(authority: Authority, closing: AbortSignal): Authority {
  // not one promise that all race against: it would remember everybody who ever asked
  const waiting = new Set<() => void>();
  closing.addEventListener('abort', () => {
    for (const giveUp of waiting) giveUp();
  });
  return {
    ...authority,
    authorize: async (caller, action, details) => {
      if (closing.aborted) throw stopping();
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
