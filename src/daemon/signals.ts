/** Signals to the daemon: what to stop for, and what to take no notice of. */

/** What of `process` is needed, so that tests can pass their own. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/**
 * From now on SIGTERM and SIGINT only say that we are to stop: what is under way gets finished, and more of them
 * change nothing about that. SIGHUP, which a terminal sends when it closes, is ignored: the configuration is read at
 * every start, which idle exits make frequent.
 * @returns resolves with the first signal that asks us to stop
 */
export function catchSignals(source: SignalSource): Promise<NodeJS.Signals> {
  source.on('SIGHUP', () => undefined);
  return new Promise((resolve) => {
    source.on('SIGTERM', resolve);
    source.on('SIGINT', resolve);
  });
}
