/** What attach and reattach ask for, from the command line. */
import { resolve } from 'node:path';

import type { AttachRequest } from '../portable/requests.ts';
import { UsageError } from '../terminal/failure.ts';
import { readTargets } from './targets.ts';
import type { Context } from './verb.ts';

/** One request for each image that was named. @throws UsageError */
export async function attachRequests(context: Context): Promise<readonly AttachRequest[]> {
  const { copyMode, runtime, force, enable } = context.settings;
  const profile = profileArgument(context);
  const targets = await readTargets(context, { mayBeMissing: false, all: 'refused', units: true });
  return targets.map((target) => ({
    ...target,
    profile,
    copyMode,
    runtime,
    force,
    forceExtension: force,
    enable,
  }));
}

/** A profile is a name, or a path of this machine. @throws UsageError */
function profileArgument({ settings: { profile, place }, cwd }: Context): string {
  if (!profile.includes('/')) return profile;
  if (place.kind === 'local') return resolve(cwd, profile);
  throw new UsageError(
    'Profiles of other machines are named, not given by path.',
    'portablectl --profile=help lists them',
  );
}
