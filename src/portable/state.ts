/** Whether images are attached, enabled, running (spec "Attaching", State). */
import { isRunning } from '../host/service-manager.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import { templateOf } from '../host/unit-name.ts';
import type { HostPaths } from '../base/host-paths.ts';
import { parseImageArgument } from '../images/names.ts';
import type { Log } from '../base/log.ts';
import { presentDirectories, scanDirectories } from './attachments.ts';
import type { AttachedDirectory, AttachedUnit, ScanMemory } from './attachments.ts';
import { indexAttached, selectAttached, selectUsing, wantedImages } from './match.ts';
import type { AttachmentIndex, WantedImage } from './match.ts';
import type { ImageRef, ImageState } from './requests.ts';

interface StateContext {
  readonly root: string;
  readonly paths: HostPaths;
  readonly manager: ServiceManager;
  readonly log: Log;
  /** Of earlier questions. */
  readonly memory: ScanMemory;
}

/** Unit file states that do not count as enabled. */
const notEnabled = new Set(['static', 'disabled', 'linked', 'linked-runtime']);

/**
 * The state of one image. Where nothing is attached at all it is not even looked for.
 * @throws PortableError InvalidArgs for bad names and paths
 */
export async function imageState(context: StateContext, ref: ImageRef): Promise<ImageState> {
  parseImageArgument(ref.image);
  for (const extension of ref.extensions) parseImageArgument(extension, 'extension');
  const present = presentLifetimes(context);
  if (present.every((directories) => directories.length === 0)) return 'detached';
  const attached = await indexLifetimes(context, present);
  if (attached.every(({ byPath }) => byPath.size === 0)) return 'detached';
  const [state] = await statesIn(context, attached, [await wantedImages(context, ref)]);
  return state ?? 'detached';
}

/**
 * The states of any number of images: one scan of each directory of attached units, and two queries to the service
 * manager, whatever the number. When no service manager answers, nothing runs and nothing is enabled.
 */
export async function imageStates(
  context: StateContext,
  wanted: readonly (readonly WantedImage[])[],
): Promise<readonly ImageState[]> {
  return statesIn(context, await indexLifetimes(context, presentLifetimes(context)), wanted);
}

/** Of what is attached for good, and of what is attached until the next boot. */
type Both<T> = readonly [persistent: T, runtime: T];

function presentLifetimes(context: StateContext): Both<readonly AttachedDirectory[]> {
  return [presentDirectories(context, 'persistent'), presentDirectories(context, 'runtime')];
}

async function indexLifetimes(
  context: StateContext,
  [persistent, runtime]: Both<readonly AttachedDirectory[]>,
): Promise<Both<AttachmentIndex>> {
  const kept = indexAttached(await scanDirectories(context, persistent, context.memory));
  return [kept, indexAttached(await scanDirectories(context, runtime, context.memory))];
}

async function statesIn(
  context: StateContext,
  [persistent, runtime]: Both<AttachmentIndex>,
  wanted: readonly (readonly WantedImage[])[],
): Promise<readonly ImageState[]> {
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
  persistent: AttachmentIndex,
  runtime: AttachmentIndex,
  wanted: readonly WantedImage[],
): Selected {
  const kept = selectForState(persistent, wanted);
  if (kept.length > 0) return { units: kept, suffix: '' };
  return { units: selectForState(runtime, wanted), suffix: '-runtime' };
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
    running.add(unit).add(templateOf(unit) ?? unit);
  }
  return {
    running: (unit) => running.has(unit),
    enabled: (unit) => {
      const state = fileStates.get(unit);
      return state !== undefined && !notEnabled.has(state);
    },
  };
}

function stateOf(units: readonly AttachedUnit[], suffix: '' | '-runtime', facts: UnitFacts): ImageState {
  if (units.length === 0) return 'detached';
  if (units.some(({ unit }) => facts.running(unit))) return `running${suffix}`;
  if (units.some(({ unit }) => facts.enabled(unit))) return `enabled${suffix}`;
  return `attached${suffix}`;
}
