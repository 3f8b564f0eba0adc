/** Keeps a daemon small that has had much to do. */
/** Once it has answered what it was started for, in ms. */
const afterMs = 1000;

/**
 * Lets V8's space for new objects stay at its first size (1 MiB twice) instead of growing to 32 MiB, which stay with
 * the process: what we allocate is short-lived, and calls are few. Not given on the command line, because Node starts
 * slower with flags that its own code cache was not made for; V8 reads this one whenever it would let the space grow.
 * Code caches are not valid any more from then on: what is loaded later is compiled.
 */
export function keepHeapSmall(): void {
  setTimeout(() => void shrink(), afterMs).unref();
}

/** The module takes time to load, too. */
async function shrink(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString('--semi-space-growth-factor=1');
}
