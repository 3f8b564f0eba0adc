/** What attach and reattach ask for, from the command line. */
import type { AttachRequest } from '../portable/requests.ts';
import { readTargets } from './targets.ts';
import type { Context } from './verb.ts';

/** One request for each image that was named. @throws UsageError */
export async function attachRequests(context: Context): Promise<readonly AttachRequest[]> {
  const { profile, copyMode, runtime, force } = context.settings;
  const targets = await readTargets(context, { mayBeMissing: false, all: 'refused', units: true });
  return targets.map((target) => ({ ...target, profile, copyMode, runtime, force, forceExtension: force }));
}
