/** Several attachments as one plan: what they share (an extension's link) is done once. */
import { PortableError, quoted } from '../base/errors.ts';
import type { Step } from '../transaction/steps.ts';
import type { AttachmentPlan } from './plan-attachment.ts';

/**
 * The steps of all plans, in order. Their units are known to differ.
 * @throws PortableError FileExists when two of them want the same name for different images
 */
export function mergeAttachments(plans: readonly AttachmentPlan[]): Step[] {
  const steps: Step[] = [];
  const files = new Map<string, { readonly step: Step; readonly image: string }>();
  for (const { image, steps: own } of plans) {
    for (const step of own) {
      const known = step.kind === 'mkdir' ? undefined : files.get(step.path);
      if (known === undefined) {
        files.set(step.path, { step, image });
        steps.push(step);
      } else if (originOf(known.step) !== originOf(step)) {
        throw new PortableError(
          'FileExists',
          `${quoted(known.image)} and ${quoted(image)} would both be, or bring, ${quoted(step.path)}`,
          { file: step.path, hint: 'rename one of the images, or attach them one after the other' },
        );
      }
    }
  }
  return steps;
}

/** Where what a step puts in place comes from. */
function originOf(step: Step): string | undefined {
  if (step.kind === 'symlink') return step.target;
  return step.kind === 'copy-image' ? step.source : undefined;
}
