/** What a plan would do to a host, found out by looking only. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { errnoOf, fileError } from '../base/errors.ts';
import type { TransactionEnvironment } from './environment.ts';
import { Places } from './places.ts';
import type { Done, Plan } from './steps.ts';
import { survey, type Draft } from './survey.ts';

/**
 * The steps of a plan that would change something, in order; what apply() does is the same, unless the host changes in
 * between. Needs no lock and no right to write.
 * @throws PortableError where the plan cannot work
 */
export async function preview(
  plan: Plan,
  { root, bases }: Pick<TransactionEnvironment, 'root' | 'bases'>,
): Promise<readonly Done[]> {
  const places = Places.open(root, bases);
  const drafts = await survey(plan.steps, places, root);
  const gone = new Set<string>();
  const filled = new Set(
    drafts.filter(({ op }) => op === 'put' || op === 'swap').map(({ path }) => dirname(path)),
  );
  return drafts.flatMap((draft) => {
    if (draft.op === 'rmdir' && !becomesEmpty(draft, places, gone, filled)) return [];
    if (draft.op === 'take' || draft.op === 'rmdir') gone.add(draft.path);
    return draft.step === undefined ? [] : [{ step: draft.step }];
  });
}

/** Whether nothing is left in a directory when its turn comes. @param filled directories that something is put into */
function becomesEmpty(
  { path }: Draft,
  places: Places,
  gone: ReadonlySet<string>,
  filled: ReadonlySet<string>,
): boolean {
  if (filled.has(path)) return false;
  return namesIn(places.onDisk(path), path).every((name) => gone.has(join(path, name)));
}

function namesIn(onDisk: string, path: string): readonly string[] {
  try {
    return readdirSync(onDisk);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw fileError(error, 'look into', path);
  }
}
