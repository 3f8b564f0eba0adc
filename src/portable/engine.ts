/** Attach, detach, reattach: read and check everything, plan, then apply in one transaction. */
import { PortableError, quoted } from '../base/errors.ts';
import { findImage } from '../images/search.ts';
import type { Step } from '../transaction/steps.ts';
import { scanAttached } from './attachments.ts';
import type { AttachedUnit } from './attachments.ts';
import { toChanges } from './changes.ts';
import type { MutationContext } from './context.ts';
import { checkNotRunning, checkUnitsAreNew } from './host-checks.ts';
import { ownedLinks, planLinks } from './image-links.ts';
import { readStack } from './layers.ts';
import type { Stack } from './layers.ts';
import { announce } from './journal-entries.ts';
import { indexAttached, selectAttached, wantedImages } from './match.ts';
import { planUnits } from './plan-attach.ts';
import { planRemoval, removeLinks, removeUnit } from './plan-detach.ts';
import { checkProfile } from './profiles.ts';
import type { AttachRequest, Change, DetachRequest, ImageRef, ReattachResult } from './requests.ts';
import { selectUnits } from './selection.ts';

/**
 * Attaches an image.
 * @returns the changes made, in order
 * @throws PortableError; then the host is as it was
 */
export async function attach(
  context: MutationContext,
  request: AttachRequest,
  signal?: AbortSignal,
): Promise<readonly Change[]> {
  const { stack, units } = await readAndCheck(context, request);
  if (!request.force) await checkUnitsAreNew(context, [...units.keys()]);
  const place = placeOf(context, request.runtime);
  const others = await scanAttached(context.root, place.attached, context.log);
  const links = await planLinks(
    { root: context.root, directory: place.links, others, force: request.force },
    imagesOf(stack),
    request.copyMode === 'mixed',
    new Set(),
  );
  const mayReplace = (): boolean => request.force;
  const steps = [
    ...(await planUnits({
      context,
      request,
      stack,
      units,
      directory: place.attached,
      notes: links.notes,
      mayReplace,
    })),
    ...links.steps,
  ];
  const done = await context.apply(
    { kind: 'attach', subject: stack.root.image.path, steps },
    request.runtime,
    signal,
  );
  announce(context.log, 'attached', imagesOf(stack));
  return toChanges(done, [place.links]);
}

/**
 * Detaches an image; it need not exist any more.
 * @throws PortableError NoSuchUnit when it is not attached, UnitExists when a unit of it runs
 */
export async function detach(
  context: MutationContext,
  request: DetachRequest,
  signal?: AbortSignal,
): Promise<readonly Change[]> {
  const place = placeOf(context, request.runtime);
  const { selected, others } = await findAttached(context, request, place);
  if (!request.force)
    await checkNotRunning(
      context.manager,
      selected.map(({ unit }) => unit),
      'detached',
    );
  const links = await ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const steps = planRemoval(place.attached, selected, links, place.links);
  const done = await context.apply(
    { kind: 'detach', subject: request.image, steps },
    request.runtime,
    signal,
  );
  announce(
    context.log,
    'detached',
    (selected[0]?.images ?? []).map((path) => ({ path })),
  );
  return toChanges(done, [place.links]);
}

/**
 * Replaces an attachment by one of another version (or the same), units running or not.
 * @throws PortableError NoSuchUnit when nothing is attached; then, and on any other failure, the old one stays
 */
export async function reattach(
  context: MutationContext,
  request: AttachRequest,
  signal?: AbortSignal,
): Promise<ReattachResult> {
  const place = placeOf(context, request.runtime);
  await findImage(context, request.image);
  const { selected, others } = await findAttached(context, request, place);
  const { stack, units } = await readAndCheck(context, request);
  if (!request.force) checkOwnership(others, [...units.keys()]);
  const owned = await ownedLinks({ root: context.root, directory: place.links, others }, selected);
  const links = await planLinks(
    { root: context.root, directory: place.links, others, force: request.force },
    imagesOf(stack),
    request.copyMode === 'mixed',
    owned,
  );
  const oldUnits = new Set(selected.flatMap(removeUnit).map((step) => step.path));
  const written = [
    ...(await planUnits({
      context,
      request,
      stack,
      units,
      directory: place.attached,
      notes: links.notes,
      mayReplace: (path) => request.force || oldUnits.has(path),
    })),
    ...links.steps,
  ];
  const steps = [
    ...written,
    ...leftovers(written, [...selected.flatMap(removeUnit), ...removeLinks(owned)], stack, place),
  ];
  const done = await context.apply(
    { kind: 'reattach', subject: stack.root.image.path, steps },
    request.runtime,
    signal,
  );
  announce(
    context.log,
    'detached',
    (selected[0]?.images ?? []).map((path) => ({ path })),
  );
  announce(context.log, 'attached', imagesOf(stack));
  const changes = toChanges(done, [place.links]);
  return {
    removed: changes.filter((change) => change.type === 'unlink'),
    updated: changes.filter((change) => change.type !== 'unlink'),
  };
}

/** Removals of the old attachment that the new one does not write over. */
function leftovers(
  written: readonly Step[],
  removals: readonly Step[],
  stack: Stack,
  place: Place,
): readonly Step[] {
  const kept = new Set(written.map((step) => step.path));
  // a link that leads to the image already was not written again, and is still needed
  for (const image of imagesOf(stack)) {
    if (!image.inSearchPath) kept.add(`${place.links}/${image.path.slice(image.path.lastIndexOf('/') + 1)}`);
  }
  return removals.filter((step) => !kept.has(step.path));
}

interface Place {
  readonly attached: string;
  readonly links: string;
}

function placeOf(context: MutationContext, runtime: boolean): Place {
  const lifetime = runtime ? 'runtime' : 'persistent';
  return { attached: context.paths.attached[lifetime], links: context.paths.imageLinks[lifetime] };
}

async function readAndCheck(
  context: MutationContext,
  request: AttachRequest,
): Promise<{ stack: Stack; units: Stack['units'] }> {
  await checkProfile(context, request.profile);
  const stack = await readStack(context, request, {
    matches: request.matches,
    relax: request.forceExtension,
    check: true,
  });
  return { stack, units: selectUnits(stack, request.matches, context.paths.scope) };
}

async function findAttached(
  context: MutationContext,
  ref: ImageRef,
  place: Place,
): Promise<{ selected: readonly AttachedUnit[]; others: readonly AttachedUnit[] }> {
  const wanted = await wantedImages(context, ref);
  const all = await scanAttached(context.root, place.attached, context.log);
  const selected = selectAttached(indexAttached(all), wanted);
  if (selected.length > 0) return { selected, others: all.filter((unit) => !selected.includes(unit)) };
  const names = [ref.image, ...ref.extensions].map(quoted).join(' with ');
  throw new PortableError('NoSuchUnit', `no units of ${names} are attached in ${place.attached}`, {
    file: ref.image,
    hint: 'portablectl list shows what is attached; --runtime and the extensions must be the same as when attaching',
  });
}

/** A new version may bring new units, but not take over those of another image. */
function checkOwnership(others: readonly AttachedUnit[], units: readonly string[]): void {
  const wanted = new Set(units);
  const foreign = others.find(({ unit }) => wanted.has(unit));
  if (foreign === undefined) return;
  throw new PortableError(
    'UnitExists',
    `the unit ${quoted(foreign.unit)} belongs to ${quoted(foreign.images.join(':'))}`,
    {
      file: foreign.unit,
      hint: 'detach that image first, or reattach with --force',
    },
  );
}

function imagesOf(stack: Stack): Stack['root']['image'][] {
  return [stack.root.image, ...stack.extensions.map((layer) => layer.image)];
}
