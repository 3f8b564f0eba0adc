/** An authority that can be closed: while the daemon leaves, nobody is allowed anything any more. */
import { PortableError } from '../base/errors.ts';
import type { Authority } from '../host/authority.ts';

/**
 * Asks `authority`, until `closing` is aborted: who still waits for an answer then, or asks afterwards, is told to
 * call again. Calls that need no authorization change nothing, and go on.
 */
export function closingAuthority(authority: Authority, closing: AbortSignal): Authority {
  const closed = new Promise<never>((_, reject) => {
    closing.addEventListener('abort', () => {
      reject(
        new PortableError('Cancelled', 'the service is stopping', {
          hint: 'call again, and a new one is started',
        }),
      );
    });
  });
  closed.catch(() => undefined); // nobody may be waiting
  return {
    ...authority,
    authorize: (caller, action, details) =>
      closing.aborted ? closed : Promise.race([closed, authority.authorize(caller, action, details)]),
  };
}
