/**
 * What portabled asks of the service manager (org.freedesktop.systemd1), whichever bus it is on. Where none runs,
 * offline-manager.ts answers from the files of the tree.
 */

/** Active states as systemd1 names them. */
export type ActiveState = string;

export interface ServiceManager {
  /** Major version ("257"), or undefined when no service manager answers. */
  version(): Promise<number | undefined>;
  /**
   * Active state of every loaded unit among `names`; a template ("foo@.service") stands for all its instances,
   * which are reported under their own names. Units that are not loaded are absent. One query, whatever the number.
   */
  activeStates(names: readonly string[]): Promise<ReadonlyMap<string, ActiveState>>;
  /** Unit file state ("enabled", "static", …) of those of `names` that have a unit file. One pass over the host's unit files. */
  unitFileStates(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
}

/** No service manager: nothing is loaded, nothing is enabled, no version is known. */
export const noServiceManager: ServiceManager = {
  version: () => Promise.resolve(undefined),
  activeStates: () => Promise.resolve(new Map()),
  unitFileStates: () => Promise.resolve(new Map()),
};

/** The same manager, asked for its version only once: for the time of one operation. */
export function withOneVersion(manager: ServiceManager): ServiceManager {
  let version: Promise<number | undefined> | undefined;
  return {
    version: () => (version ??= manager.version()),
    activeStates: (names) => manager.activeStates(names),
    unitFileStates: (names) => manager.unitFileStates(names),
  };
}

/**
 * Whether a unit in this state counts as running: activating, active, reloading (refreshing) or deactivating. Not one in
 * maintenance: "portablectl detach --now --clean" has what it left cleaned up, and does not wait for that.
 */
export function isRunning(state: ActiveState): boolean {
  return ['activating', 'active', 'reloading', 'refreshing', 'deactivating'].includes(state);
}
