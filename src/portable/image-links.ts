/**
 * The links (or, in mixed mode, copies) that make images outside the search path known by name. An image in the
 * search path needs none. What this attachment did not make itself, it never removes (spec "Where systemd goes
 * wrong", first row).
 */
import path from 'node:path';
import { PortableError, quoted } from '../base/errors.ts';
import { linkTarget, notALink, resolveInside } from '../base/logical-path.ts';
import type { Image } from '../images/image.ts';
import type { Step } from '../transaction/steps.ts';
import type { AttachedUnit } from './attachments.ts';

/** Notes in a drop-in, after the marker: an image copy that the attachment made, a link that was there before it. */
const copiedNote = '# portabled: copied ';
const keptNote = '# portabled: kept ';

interface LinkPlan {
  readonly steps: readonly Step[];
  /** Comment lines for the drop-ins of this attachment. */
  readonly notes: readonly string[];
}

interface LinkContext {
  readonly root: string;
  /** The directory that links go to. */
  readonly directory: string;
  /** Everything attached in the same lifetime, this attachment's own old units left out. */
  readonly others: readonly AttachedUnit[];
  readonly force: boolean;
}

/**
 * What to link or copy for the images of a new attachment, extensions first.
 * @param owned links and copies of the attachment that is being replaced
 * @throws PortableError FileExists when another image has the name already
 */
export function planLinks(
  context: LinkContext,
  images: readonly Image[],
  copy: boolean,
  owned: ReadonlySet<string>,
): LinkPlan {
  const [image, ...extensions] = images;
  const steps: Step[] = [];
  const notes: string[] = [];
  const planned = new Set<string>();
  for (const each of [...extensions, ...(image === undefined ? [] : [image])]) {
    if (each.inSearchPath) continue;
    const at = path.join(context.directory, path.basename(each.path));
    if (planned.has(at)) throw nameTaken(each, at, 'another image of the same attachment');
    planned.add(at);
    const present = inspectEntry(context.root, at);
    if (present === each.path && !copy) {
      if (!owned.has(at) && wasThere(context, at, each)) notes.push(`${keptNote}${quoted(at)}`);
      continue;
    }
    if (present !== undefined && !owned.has(at) && !(context.force && present !== notALink))
      throw nameTaken(each, at, 'something else');
    const replace = present !== undefined;
    if (copy) {
      notes.push(`${copiedNote}${quoted(at)}`);
      steps.push({ kind: 'copy-image', path: at, source: each.path, replace });
    } else {
      steps.push({ kind: 'symlink', path: at, target: each.path, replace, replaceTree: owned.has(at) });
    }
  }
  if (steps.length > 0) steps.unshift({ kind: 'mkdir', path: context.directory, mode: 0o755 });
  return { steps, notes };
}

/** Whether a link that leads to the image was made by someone else than an attachment. */
function wasThere(context: LinkContext, at: string, image: Image): boolean {
  const sharing = context.others.filter((unit) => unit.images.includes(image.path));
  return sharing.length === 0 || sharing.some((unit) => unit.notes.includes(`${keptNote}${quoted(at)}`));
}

/**
 * The links and copies that the attachment of `units` made and no other attachment needs.
 * @returns paths to remove; copies are directories or files, links are links
 */
export function ownedLinks(
  context: Omit<LinkContext, 'force'>,
  units: readonly AttachedUnit[],
): ReadonlySet<string> {
  const owned = new Set<string>();
  const images = new Set(units.flatMap((unit) => [...unit.images].reverse()));
  for (const image of images) {
    if (context.others.some((unit) => unit.images.includes(image))) continue;
    const at = path.join(context.directory, path.basename(image));
    const notes = new Set(units.filter((unit) => unit.images.includes(image)).flatMap((unit) => unit.notes));
    if (at === image || notes.has(`${keptNote}${quoted(at)}`)) continue;
    const present = inspectEntry(context.root, at);
    if (present === undefined) continue;
    if (present === notALink ? notes.has(`${copiedNote}${quoted(at)}`) : present === image) owned.add(at);
  }
  return owned;
}

/** What is at a path: nothing, something that is no link, or a link and where it leads (as far as it does). */
function inspectEntry(root: string, at: string): string | typeof notALink | undefined {
  const target = linkTarget(root, at);
  return typeof target === 'string' ? resolved(root, target) : target;
}

/** Where a link leads, as far as it does. */
function resolved(root: string, target: string): string {
  try {
    return resolveInside(root, target);
  } catch (error) {
    if (error instanceof PortableError) return target;
    throw error;
  }
}

function nameTaken(image: Image, at: string, other: string): PortableError {
  return new PortableError(
    'FileExists',
    `cannot make ${quoted(image.path)} known as ${quoted(at)}: ${other} is there`,
    {
      file: at,
      hint: 'rename one of the two images, or remove the other',
    },
  );
}
