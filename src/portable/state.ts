/** Whether images are attached, enabled, running (spec "Attaching", State). */
import { isRunning } from '../host/service-manager.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import type { HostPaths } from '../base/host-paths.ts';
import type { Log } from '../base/log.ts';
import { scanLifetime } from './attachments.ts';
import type { AttachedUnit } from './attachments.ts';
import { indexAttached, selectAttached, selectUsing } from './match.ts';
import type { AttachmentIndex, WantedImage } from './match.ts';
import type { ImageState } from './requests.ts';
import { isTemplate } from './unit-name.ts';

interface StateContext {
  readonly root: string;
  readonly paths: HostPaths;
  readonly manager: ServiceManager;
  readonly log: Log;
}

/** Unit file states that do not count as enabled. */
const notEnabled = new Set(['static', 'disabled', 'linked', 'linked-runtime']);

/**
 * The states of any number of images: one scan of each directory of attached units, and two queries to the service
 * manager, whatever the number. When no service manager answers, nothing runs and nothing is enabled.
 */
export async function imageStates(
  context: StateContext,
  wanted: readonly (readonly WantedImage[])[],
): Promise<readonly ImageState[]> {
  const [persistent, runtime] = await Promise.all(
    (['persistent', 'runtime'] as const).map(async (lifetime) =>
      indexAttached(await scanLifetime(context, lifetime)),
    ),
  );
  const selected = wanted.map((each) => selectIn(persistent, runtime, each));
  const names = [...new Set(selected.flatMap(({ units }) => units.map((unit) => unit.unit)))];
  const facts = await queryUnits(context.manager, names);
  return selected.map(({ units, suffix }) => stateOf(units, suffix, facts));
}

interface Selected {
  readonly units: readonly AttachedUnit[];
  readonly suffix: '' | '-runtime';
}

/** What is attached for good is looked at before what is attached until the next boot. */
function selectIn(
  persistent: AttachmentIndex | undefined,
  runtime: AttachmentIndex | undefined,
  wanted: readonly WantedImage[],
): Selected {
  const kept = persistent === undefined ? [] : selectForState(persistent, wanted);
  if (kept.length > 0) return { units: kept, suffix: '' };
  return { units: runtime === undefined ? [] : selectForState(runtime, wanted), suffix: '-runtime' };
}

/** With extensions exactly that attachment is meant; without, every use that is made of the image counts. */
function selectForState(index: AttachmentIndex, wanted: readonly WantedImage[]): readonly AttachedUnit[] {
  const [image, ...extensions] = wanted;
  if (image === undefined || extensions.length > 0) return selectAttached(index, wanted);
  return selectUsing(index, image);
}

interface UnitFacts {
  readonly running: (unit: string) => boolean;
  readonly enabled: (unit: string) => boolean;
}

async function queryUnits(manager: ServiceManager, names: readonly string[]): Promise<UnitFacts> {
  if (names.length === 0) return { running: () => false, enabled: () => false };
  const [states, fileStates] = await Promise.all([
    manager.activeStates(names),
    manager.unitFileStates(names),
  ]);
  const running = new Set<string>();
  for (const [unit, state] of states) {
    if (!isRunning(state)) continue;
    running.add(unit);
    running.add(templateOf(unit));
  }
  return {
    running: (unit) => running.has(unit),
    enabled: (unit) => {
      const state = fileStates.get(unit);
      return state !== undefined && !notEnabled.has(state);
    },
  };
}

/** The template that an instance is of ("foo@.service"); any other unit is its own. */
export function templateOf(unit: string): string {
  return isTemplate(unit) ? unit : unit.replace(/@.*(?=\.[a-z]+$)/, '@');
}

function stateOf(units: readonly AttachedUnit[], suffix: '' | '-runtime', facts: UnitFacts): ImageState {
  if (units.length === 0) return 'detached';
  if (units.some(({ unit }) => facts.running(unit))) return `running${suffix}`;
  if (units.some(({ unit }) => facts.enabled(unit))) return `enabled${suffix}`;
  return `attached${suffix}`;
}
