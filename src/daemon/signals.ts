/** Signals to the daemon: what to stop for, and what to take no notice of. */

/** The end that was asked for by a signal. */
export interface StopSignal {
  /** Resolves with the name of the first signal that asks us to stop. */
  readonly received: Promise<NodeJS.Signals>;
}

/** What of `process` is needed, so that tests can pass their own. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
}

/**
 * From now on SIGTERM and SIGINT only say that we are to stop: what is under way gets finished, and more of them
 * change nothing about that. SIGHUP, which a terminal sends when it closes, is ignored: the configuration is read
 * at every start, which idle exits make frequent.
 */
export function catchSignals(source: SignalSource): StopSignal {
  const received = new Promise<NodeJS.Signals>((resolve) => {
    source.on('SIGTERM', resolve);
    source.on('SIGINT', resolve);
  });
  source.on('SIGHUP', () => undefined);
  return { received };
}
