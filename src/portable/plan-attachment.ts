/** The steps of one attachment: its units with their drop-ins, then the links that make its images known by name. */
import type { Step } from '../transaction/steps.ts';
import type { AttachedUnit } from './attachments.ts';
import type { MutationContext } from './context.ts';
import { planLinks } from './image-links.ts';
import { planUnits } from './plan-attach.ts';
import { imagesOf } from './targets.ts';
import type { Place, Wanted } from './targets.ts';

interface AttachmentContext {
  readonly context: MutationContext;
  readonly place: Place;
  /** Everything attached in the same lifetime, attachments that are being replaced left out. */
  readonly others: readonly AttachedUnit[];
  /** Image links and copies of the attachments that are being replaced. */
  readonly owned: ReadonlySet<string>;
  /** Whether a file that is there may be replaced. */
  readonly mayReplace: (path: string) => boolean;
}

/** @throws PortableError when something is in the way, cannot be read, or cannot be said in a unit file */
export async function planAttachment(
  { context, place, others, owned, mayReplace }: AttachmentContext,
  wanted: Wanted,
): Promise<readonly Step[]> {
  const { request, stack, units } = wanted;
  const { notes, steps } = planLinks(
    { root: context.root, directory: place.links, others, force: request.force },
    imagesOf(wanted),
    request.copyMode === 'mixed',
    owned,
  );
  const directory = place.attached;
  return [...(await planUnits({ context, request, stack, units, directory, notes, mayReplace })), ...steps];
}
