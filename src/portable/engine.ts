/** Attach, detach, reattach any number of images: read and check everything, plan, then apply in one transaction. */
import { findImage } from '../images/search.ts';
import { scanLifetime } from './attachments.ts';
import type { AttachedUnit } from './attachments.ts';
import type { MutationContext } from './context.ts';
import { planDisabling, planEnabling } from './enabling.ts';
import { checkNotRunning, checkUnitsAreNew } from './host-checks.ts';
import { ownedLinks } from './image-links.ts';
import { JointPlan } from './joint-plan.ts';
import { planAttachment } from './plan-attachment.ts';
import { planRemoval, removeDirectories, removeLinks, removeUnit } from './plan-detach.ts';
import type { AttachRequest, DetachRequest, Outcome } from './requests.ts';
import {
  checkOwnership,
  findAttached,
  imagesOf,
  placeOf,
  readAndCheck,
  type Place,
  type Wanted,
} from './targets.ts';

/**
 * Attaches images.
 * @returns the changes made, in order
 * @throws PortableError; then the host is as it was
 */
export async function attach(context: MutationContext, requests: readonly AttachRequest[]): Promise<Outcome> {
  const place = placeOf(context, requests);
  const wanted = await readAndCheck(context, requests);
  const asked = unitsOf(wanted.filter(({ request }) => !request.force));
  // its version is wanted for the plan: both questions in one wait
  await Promise.all([checkUnitsAreNew(context, asked), context.manager.version()]);
  const others = await scanLifetime(context, place.lifetime);
  const plan = new JointPlan(context.paths, place);
  for (const each of wanted) {
    const mayReplace = (): boolean => each.request.force;
    plan.add(each, await planAttachment({ context, place, others, owned: new Set(), mayReplace }, each));
  }
  await addEnabling(context, plan, place, wanted);
  const outcome = await plan.carryOut(context, 'attach', requests);
  for (const each of wanted) context.announce('attached', imagesOf(each));
  return outcome;
}

/**
 * Detaches images; they need not exist any more.
 * @throws PortableError NoSuchUnit when one is not attached, UnitExists when a unit of it runs
 */
export async function detach(context: MutationContext, requests: readonly DetachRequest[]): Promise<Outcome> {
  const place = placeOf(context, requests);
  const { attachments, selected, others } = await findAttached(context, requests, place);
  const asked = attachments.filter((_, i) => requests[i]?.force !== true);
  await checkNotRunning(context, namesOf(asked.flat()), 'detached');
  const links = ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const plan = new JointPlan(context.paths, place);
  const disabled = attachments.filter((_, i) => requests[i]?.disable === true);
  plan.addLinks(await planDisabling(context, place.runtime, namesOf(disabled.flat())));
  plan.addRemoval(attachments, links, planRemoval(selected, links, place.links));
  const outcome = await plan.carryOut(context, 'detach', requests);
  announceGone(context, attachments);
  return outcome;
}

/**
 * Replaces attachments by ones of another version (or the same), units running or not.
 * @throws PortableError NoSuchUnit when nothing is attached; then, and on any other failure, the old ones stay
 */
export async function reattach(
  context: MutationContext,
  requests: readonly AttachRequest[],
): Promise<Outcome> {
  const place = placeOf(context, requests);
  for (const { image } of requests) await findImage(context, image);
  const { attachments, selected, others } = await findAttached(context, requests, place);
  const wanted = await readAndCheck(context, requests);
  checkOwnership(others, unitsOf(wanted.filter(({ request }) => !request.force)));
  const owned = ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const removals = selected.flatMap(removeUnit);
  const oldFiles = new Set(removals.map((step) => step.path));
  const plan = new JointPlan(context.paths, place);
  const gone = unitsToDisable(wanted, attachments);
  plan.addLinks(await planDisabling(context, place.runtime, gone));
  for (const each of wanted) {
    const mayReplace = (path: string): boolean => each.request.force || oldFiles.has(path);
    plan.add(each, await planAttachment({ context, place, others, owned, mayReplace }, each));
  }
  plan.addLeftovers(
    attachments,
    owned,
    [...removals, ...removeLinks(owned), ...removeDirectories(selected)],
    wanted.flatMap(imagesOf),
  );
  await addEnabling(context, plan, place, wanted);
  const outcome = await plan.carryOut(context, 'reattach', requests);
  announceGone(context, attachments);
  for (const each of wanted) context.announce('attached', imagesOf(each));
  return outcome;
}

/** The links for the units that are to be enabled, after everything else. */
async function addEnabling(
  context: MutationContext,
  plan: JointPlan,
  { runtime }: Place,
  wanted: readonly Wanted[],
): Promise<void> {
  const enabled = wanted.filter(({ request }) => request.enable === true);
  const force = enabled.every(({ request }) => request.force);
  plan.addLinks(await planEnabling(context, { runtime, force }, plan.steps, unitsOf(enabled)));
}

/** The units that a new version lacks, of images that are to be enabled. */
function unitsToDisable(
  wanted: readonly Wanted[],
  attachments: readonly (readonly AttachedUnit[])[],
): readonly string[] {
  const staying = new Set(unitsOf(wanted));
  const enabled = attachments.filter((_, i) => wanted[i]?.request.enable === true);
  return namesOf(enabled.flat()).filter((unit) => !staying.has(unit));
}

function unitsOf(wanted: readonly Wanted[]): readonly string[] {
  return wanted.flatMap(({ units }) => [...units.keys()]);
}

function namesOf(units: readonly AttachedUnit[]): readonly string[] {
  return units.map(({ unit }) => unit);
}

/** What an attachment consisted of is in the marker of its first unit. */
function announceGone(context: MutationContext, attachments: readonly (readonly AttachedUnit[])[]): void {
  for (const [first] of attachments)
    context.announce(
      'detached',
      (first?.images ?? []).map((path) => ({ path })),
    );
}
