/** The steps of one attachment: its units with their drop-ins, then the links that make its images known by name. */
import type { Step } from '../transaction/steps.ts';
import type { AttachedUnit } from './attachments.ts';
import type { MutationContext } from './context.ts';
import { planLinks } from './image-links.ts';
import { planUnits } from './plan-attach.ts';
import type { AttachOptions } from './requests.ts';
import { imagesOf } from './targets.ts';
import type { Place, Wanted } from './targets.ts';

interface AttachmentContext {
  readonly context: MutationContext;
  readonly options: AttachOptions;
  readonly place: Place;
  /** Everything attached in the same lifetime, attachments that are being replaced left out. */
  readonly others: readonly AttachedUnit[];
  /** Image links and copies of the attachments that are being replaced. */
  readonly owned: ReadonlySet<string>;
  /** Whether a file that is there may be replaced. */
  readonly mayReplace: (path: string) => boolean;
}

/** The steps of one attachment, and the image it is of. */
export interface AttachmentPlan {
  readonly image: string;
  readonly steps: readonly Step[];
}

/** @throws PortableError when something is in the way, cannot be read, or cannot be said in a unit file */
export async function planAttachment(
  { context, options, place, others, owned, mayReplace }: AttachmentContext,
  wanted: Wanted,
): Promise<AttachmentPlan> {
  const { stack, units } = wanted;
  const links = await planLinks(
    { root: context.root, directory: place.links, others, force: options.force },
    imagesOf(wanted),
    options.copyMode === 'mixed',
    owned,
  );
  const { notes } = links;
  const directory = place.attached;
  const steps = await planUnits({ context, options, stack, units, directory, notes, mayReplace });
  return { image: stack.root.image.path, steps: [...steps, ...links.steps] };
}
