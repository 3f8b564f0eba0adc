/** What a change is about: images read and checked, attachments found, the directories concerned. */
import { PortableError, quoted } from '../base/errors.ts';
import type { Lifetimes } from '../base/host-paths.ts';
import type { Image } from '../images/image.ts';
import { scanLifetime } from './attachments.ts';
import type { AttachedUnit } from './attachments.ts';
import type { MutationContext } from './context.ts';
import { readStack } from './layers.ts';
import type { Stack } from './layers.ts';
import { indexAttached, selectAttached, wantedImages } from './match.ts';
import { checkMountable } from './mountable.ts';
import { checkProfile } from './profiles.ts';
import type { AttachRequest, ImageRef } from './requests.ts';
import { selectUnits } from './selection.ts';

/** The directories that attachments of one lifetime are in. */
export interface Place {
  readonly lifetime: keyof Lifetimes;
  /** Gone with the next boot. */
  readonly runtime: boolean;
  readonly attached: string;
  readonly links: string;
}

/**
 * The place that requests are about.
 * @throws PortableError InvalidArgs when they are about different ones: what a crash leaves of a transaction is found in
 *   one of them
 */
export function placeOf(
  { paths }: MutationContext,
  requests: readonly { readonly runtime: boolean }[],
): Place {
  const [runtime = false, ...others] = new Set(requests.map((request) => request.runtime));
  if (others.length > 0) {
    throw new PortableError(
      'InvalidArgs',
      'of images that change together, some are to stay and some are not',
      {
        hint: 'change those that are attached until the next boot by themselves',
      },
    );
  }
  const lifetime = runtime ? 'runtime' : 'persistent';
  return { lifetime, runtime, attached: paths.attached[lifetime], links: paths.imageLinks[lifetime] };
}

/** An image with its extensions, and the units of it that are to be attached. */
export interface Wanted {
  readonly request: AttachRequest;
  /** Which of the requests it is. */
  readonly index: number;
  readonly stack: Stack;
  readonly units: Stack['units'];
}

/** The images of a stack, the root image first. */
export function imagesOf({ stack }: Wanted): readonly Image[] {
  return [stack.root.image, ...stack.extensions.map((layer) => layer.image)];
}

/**
 * Reads the images that are to be attached.
 * @throws PortableError of reading and selecting; UnitExists when two of them bring the same unit
 */
export async function readAndCheck(
  context: MutationContext,
  requests: readonly AttachRequest[],
): Promise<readonly Wanted[]> {
  for (const profile of new Set(requests.map((request) => request.profile))) checkProfile(context, profile);
  const wanted: Wanted[] = [];
  for (const [index, request] of requests.entries()) {
    const { matches, forceExtension } = request;
    const stack = await readStack(context, request, { matches, relax: forceExtension, check: true });
    await checkMountable(context, stack);
    wanted.push({ request, index, stack, units: selectUnits(stack, matches, context.paths.scope) });
  }
  checkDistinct(wanted);
  return wanted;
}

function checkDistinct(wanted: readonly Wanted[]): void {
  const owners = new Map<string, Wanted>();
  for (const each of wanted) {
    for (const unit of each.units.keys()) {
      const other = owners.get(unit);
      owners.set(unit, each);
      if (other === undefined) continue;
      const [one, two] = [other, each].map(({ stack }) => quoted(stack.root.image.path));
      const message =
        one === two
          ? `the image ${one ?? ''} is given twice`
          : `the unit ${quoted(unit)} is in ${one ?? ''} and in ${two ?? ''}`;
      throw new PortableError(one === two ? 'InvalidArgs' : 'UnitExists', message, {
        file: unit,
        hint: 'images that are attached together must bring different units; unit name prefixes choose among them',
      });
    }
  }
}

/** Attachments that are meant by images. */
interface Found {
  /** The units of each, in the order of the images. */
  readonly attachments: readonly (readonly AttachedUnit[])[];
  /** The units of all, each once. */
  readonly selected: readonly AttachedUnit[];
  /** All other attached units. */
  readonly others: readonly AttachedUnit[];
}

/** @throws PortableError NoSuchUnit naming the image that is not attached */
export async function findAttached(
  context: MutationContext,
  images: readonly ImageRef[],
  place: Place,
): Promise<Found> {
  const all = await scanLifetime(context, place.lifetime);
  const index = indexAttached(all);
  const attachments: (readonly AttachedUnit[])[] = [];
  for (const ref of images) {
    const units = selectAttached(index, await wantedImages(context, ref));
    if (units.length === 0) throw notAttached(ref, place);
    attachments.push(units);
  }
  const selected = new Set(attachments.flat());
  return { attachments, selected: [...selected], others: all.filter((unit) => !selected.has(unit)) };
}

function notAttached(ref: ImageRef, place: Place): PortableError {
  const names = [ref.image, ...ref.extensions].map(quoted).join(' with ');
  return new PortableError('NoSuchUnit', `no units of ${names} are attached in ${place.attached}`, {
    file: ref.image,
    hint: 'portablectl list shows what is attached; --runtime and the extensions must be the same as when attaching',
  });
}

/**
 * A new version may bring new units, but not take over those of another image.
 * @throws PortableError UnitExists
 */
export function checkOwnership(others: readonly AttachedUnit[], units: readonly string[]): void {
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
