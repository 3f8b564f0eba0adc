/** V8 for a process that goes on, set once it has answered what it was started for. */

/** After the start, in ms. */
const afterMs = 200;

/**
 * - The space for new objects stays at its first size (1 MiB twice) instead of growing to 32 MiB, which stay with the
 *   process: what we allocate is short-lived, and calls are few.
 * - Functions are optimized after a seventh of the work that V8 waits for: calls are too few to wait for all of it, and
 *   a fifth faster then.
 *
 * Not given on the command line, because Node starts slower with flags that its own code cache was not made for; V8
 * reads these whenever it would use them. Code caches are not valid any more from then on: what is loaded later is
 * compiled.
 */
const flags = ['--semi-space-growth-factor=1', '--interrupt-budget=10000'];

export function tuneForCalls(): void {
  setTimeout(() => void setFlags(), afterMs).unref();
}

/** The module takes time to load, too. */
async function setFlags(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  for (const flag of flags) setFlagsFromString(flag);
}
