/** Attach, detach, reattach any number of images: read and check everything, plan, then apply in one transaction. */
import path from 'node:path';
import type { Image } from '../images/image.ts';
import { findImage } from '../images/search.ts';
import type { Step } from '../transaction/steps.ts';
import { scanAttached } from './attachments.ts';
import type { AttachedUnit } from './attachments.ts';
import { toChanges } from './changes.ts';
import type { MutationContext } from './context.ts';
import { planDisabling, planEnabling } from './enabling.ts';
import { checkNotRunning, checkUnitsAreNew } from './host-checks.ts';
import { ownedLinks } from './image-links.ts';
import { mergeAttachments } from './merge-plans.ts';
import { planAttachment } from './plan-attachment.ts';
import { planRemoval, removeLinks, removeUnit } from './plan-detach.ts';
import type { AttachOptions, Change, DetachOptions, ImageRef, ReattachResult } from './requests.ts';
import { checkOwnership, findAttached, imagesOf, placeOf, readAndCheck } from './targets.ts';
import type { Place } from './targets.ts';

/**
 * Attaches images.
 * @returns the changes made, in order
 * @throws PortableError; then the host is as it was
 */
export async function attach(
  context: MutationContext,
  images: readonly ImageRef[],
  options: AttachOptions,
): Promise<readonly Change[]> {
  const wanted = await readAndCheck(context, images, options);
  const units = wanted.flatMap((each) => [...each.units.keys()]);
  if (!options.force) await checkUnitsAreNew(context, units);
  const place = placeOf(context, options.runtime);
  const others = await scanAttached(context.root, place.attached, context.log);
  const owned = new Set<string>();
  const plans = [];
  for (const each of wanted) {
    const mayReplace = (): boolean => options.force;
    plans.push(await planAttachment({ context, options, place, others, owned, mayReplace }, each));
  }
  const steps = mergeAttachments(plans);
  if (options.enable === true) steps.push(...(await planEnabling(context, options, steps, units)));
  const done = await context.apply({ kind: 'attach', subject: subjectOf(images), steps }, options.runtime);
  for (const each of wanted) context.announce('attached', imagesOf(each));
  return toChanges(done, silentDirectories(context, place));
}

/**
 * Detaches images; they need not exist any more.
 * @throws PortableError NoSuchUnit when one is not attached, UnitExists when a unit of it runs
 */
export async function detach(
  context: MutationContext,
  images: readonly ImageRef[],
  options: DetachOptions,
): Promise<readonly Change[]> {
  const place = placeOf(context, options.runtime);
  const { attachments, selected, others } = await findAttached(context, images, place);
  const units = selected.map(({ unit }) => unit);
  if (!options.force) await checkNotRunning(context.manager, units, 'detached');
  const links = await ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const steps = [
    ...(options.disable === true ? await planDisabling(context, options.runtime, units) : []),
    ...planRemoval(place.attached, selected, links, place.links),
  ];
  const done = await context.apply({ kind: 'detach', subject: subjectOf(images), steps }, options.runtime);
  for (const each of attachments) context.announce('detached', imagesThatWere(each));
  return toChanges(done, silentDirectories(context, place));
}

/**
 * Replaces attachments by ones of another version (or the same), units running or not.
 * @throws PortableError NoSuchUnit when nothing is attached; then, and on any other failure, the old ones stay
 */
export async function reattach(
  context: MutationContext,
  images: readonly ImageRef[],
  options: AttachOptions,
): Promise<ReattachResult> {
  const place = placeOf(context, options.runtime);
  for (const { image } of images) await findImage(context, image);
  const { attachments, selected, others } = await findAttached(context, images, place);
  const wanted = await readAndCheck(context, images, options);
  const units = wanted.flatMap((each) => [...each.units.keys()]);
  if (!options.force) checkOwnership(others, units);
  const owned = await ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const removals = selected.flatMap(removeUnit);
  const oldUnits = new Set(removals.map((step) => step.path));
  const mayReplace = (path: string): boolean => options.force || oldUnits.has(path);
  const plans = [];
  for (const each of wanted) {
    plans.push(await planAttachment({ context, options, place, others, owned, mayReplace }, each));
  }
  const written = mergeAttachments(plans);
  const steps: Step[] = [
    ...written,
    ...leftovers(written, [...removals, ...removeLinks(owned)], wanted.flatMap(imagesOf), place),
  ];
  if (options.enable === true) {
    const gone = selected.map(({ unit }) => unit).filter((unit) => !units.includes(unit));
    steps.unshift(...(await planDisabling(context, options.runtime, gone)));
    steps.push(...(await planEnabling(context, options, written, units)));
  }
  const done = await context.apply({ kind: 'reattach', subject: subjectOf(images), steps }, options.runtime);
  for (const each of attachments) context.announce('detached', imagesThatWere(each));
  for (const each of wanted) context.announce('attached', imagesOf(each));
  const changes = toChanges(done, silentDirectories(context, place));
  return {
    removed: changes.filter((change) => change.type === 'unlink'),
    updated: changes.filter((change) => change.type !== 'unlink'),
  };
}

/** Removals of the old attachments that the new ones do not write over. */
function leftovers(
  written: readonly Step[],
  removals: readonly Step[],
  images: readonly Image[],
  place: Place,
): readonly Step[] {
  const kept = new Set(written.map((step) => step.path));
  // a link that leads to the image already was not written again, and is still needed
  for (const image of images) {
    if (!image.inSearchPath) kept.add(`${place.links}/${image.path.slice(image.path.lastIndexOf('/') + 1)}`);
  }
  return removals.filter((step) => !kept.has(step.path));
}

function subjectOf(images: readonly ImageRef[]): string {
  return images.map(({ image }) => image).join(', ');
}

/** What an attachment consisted of, by the marker of its first unit. */
function imagesThatWere(units: readonly AttachedUnit[]): readonly { readonly path: string }[] {
  return (units[0]?.images ?? []).map((path) => ({ path }));
}

/** Directories whose coming and going clients are not told of, as by systemd: those of links. */
function silentDirectories({ paths }: MutationContext, place: Place): (path: string) => boolean {
  const { persistent, runtime } = paths.enabled;
  return (directory) => directory === place.links || [persistent, runtime].includes(path.dirname(directory));
}
