/** What the engine needs from outside: handed in by the composition root, or by whoever uses the library. */
import type { HostPaths } from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import type { Limits } from '../disk/budget.ts';
import type { ReadXattrs } from '../disk/host-xattrs.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import type { Done, Plan } from '../transaction/steps.ts';
import type { Announced } from './journal-entries.ts';

export interface PortableContext {
  /** Directory that stands for "/". */
  readonly root: string;
  readonly paths: HostPaths;
  /** On this machine: the profiles of our own package, for a host that has no way to them. They are copied. */
  readonly packagedProfiles?: string | undefined;
  readonly limits: Limits;
  readonly manager: ServiceManager;
  /** Undefined where nobody inspects an image twice. */
  readonly readXattrs?: ReadXattrs | undefined;
  readonly log: Log;
}

/**
 * Carries out a plan as one transaction, or tells what it would do; runtime plans keep their journal where the next
 * boot forgets it.
 */
export type ApplyPlan = (plan: Plan, runtime: boolean) => Promise<readonly Done[]>;

/** What changing the host needs besides. */
export interface MutationContext extends PortableContext {
  readonly apply: ApplyPlan;
  /** Called when images have been attached or detached: an image and its extensions. */
  readonly announce: (done: Announced, images: readonly { readonly path: string }[]) => void;
}
