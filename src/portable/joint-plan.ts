/** The plan of one transaction for several images, which knows what is done for which of them. */
import path from 'node:path';
import { PortableError, quoted } from '../base/errors.ts';
import type { HostPaths } from '../base/host-paths.ts';
import type { Image } from '../images/image.ts';
import type { Done, Plan, Step } from '../transaction/steps.ts';
import type { AttachedUnit } from './attachments.ts';
import { toChanges } from './changes.ts';
import type { MutationContext } from './context.ts';
import type { Change, ImageRef, Outcome } from './requests.ts';
import type { Place, Wanted } from './targets.ts';

/** The units of each attachment, in the order of the requests. */
type Attachments = readonly (readonly AttachedUnit[])[];

export class JointPlan {
  readonly #steps: Step[] = [];
  /** The request that a step is for, by its index. */
  readonly #owners = new Map<Step, number>();
  /** The steps about links that enable units. */
  readonly #links = new Set<Step>();
  readonly #files = new Map<string, { readonly step: Step; readonly image: string }>();
  readonly #paths: HostPaths;
  readonly #place: Place;

  constructor(paths: HostPaths, place: Place) {
    this.#paths = paths;
    this.#place = place;
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /**
   * Adds the steps of an attachment. What it shares with those before it (an extension's link) is done once.
   * @throws PortableError FileExists when they want the same name for different images
   */
  add({ index, stack }: Wanted, steps: readonly Step[]): void {
    const image = stack.root.image.path;
    for (const step of steps) {
      const known = step.kind === 'mkdir' ? undefined : this.#files.get(step.path);
      if (known === undefined) {
        this.#files.set(step.path, { step, image });
        this.#push(step, index);
      } else if (originOf(known.step) !== originOf(step)) {
        throw new PortableError(
          'FileExists',
          `${quoted(known.image)} and ${quoted(image)} would both be, or bring, ${quoted(step.path)}`,
          { file: step.path, hint: 'rename one of the images, or attach them one after the other' },
        );
      }
    }
  }

  /** Adds the steps that remove attachments. @param links image links and copies among what is removed */
  addRemoval(attachments: Attachments, links: ReadonlySet<string>, steps: readonly Step[]): void {
    const ownerOf = ownersOf(attachments, links, this.#place);
    for (const step of steps) this.#push(step, ownerOf(step.path));
  }

  /** Of the removals of old attachments, those that the new ones do not write over. @param images the new ones */
  addLeftovers(
    attachments: Attachments,
    links: ReadonlySet<string>,
    removals: readonly Step[],
    images: readonly Image[],
  ): void {
    const kept = new Set(this.#steps.map((step) => step.path));
    // a link that leads to the image already was not written again, and is still needed
    for (const image of images) {
      if (!image.inSearchPath) kept.add(`${this.#place.links}/${path.basename(image.path)}`);
    }
    this.addRemoval(
      attachments,
      links,
      removals.filter((step) => !kept.has(step.path)),
    );
  }

  /** Adds steps about links that enable units. */
  addLinks(steps: readonly Step[]): void {
    for (const step of steps) {
      this.#steps.push(step);
      this.#links.add(step);
    }
  }

  async carryOut(
    context: MutationContext,
    kind: Plan['kind'],
    requests: readonly ImageRef[],
  ): Promise<Outcome> {
    const subject = requests.map(({ image }) => image).join(', ');
    const done = await context.apply({ kind, subject, steps: this.#steps }, this.#place.runtime);
    return {
      images: requests.map((_, i) => this.#changes(done, ({ step }) => this.#owners.get(step) === i)),
      links: this.#changes(done, ({ step }) => this.#links.has(step)),
    };
  }

  #push(step: Step, owner: number): void {
    this.#steps.push(step);
    this.#owners.set(step, owner);
  }

  /** Directories for links come and go without a word, as with systemd. */
  #changes(done: readonly Done[], wanted: (each: Done) => boolean): readonly Change[] {
    const { persistent, runtime } = this.#paths.enabled;
    // drop-in directories are there, too, where users' units are attached among their own
    const holdsEnabled = (directory: string): boolean =>
      [persistent, runtime].includes(path.dirname(directory)) && !directory.endsWith('.d');
    return toChanges(
      done.filter(wanted),
      (directory) => directory === this.#place.links || holdsEnabled(directory),
    );
  }
}

/** Where what a step puts in place comes from. */
function originOf(step: Step): string | undefined {
  if (step.kind === 'symlink') return step.target;
  return step.kind === 'copy-image' ? step.source : undefined;
}

/** Tells which attachment a file was of; what was there for all of them went with the last. */
function ownersOf(
  attachments: Attachments,
  links: ReadonlySet<string>,
  place: Place,
): (file: string) => number {
  const owners = new Map<string, number>();
  for (const [index, units] of attachments.entries()) {
    for (const { directory, unit, images } of units) {
      owners.set(`${directory}/${unit}`, index).set(`${directory}/${unit}.d`, index);
      for (const image of images) {
        const link = `${place.links}/${path.basename(image)}`;
        if (links.has(link) && !owners.has(link)) owners.set(link, index);
      }
    }
  }
  return (file) => owners.get(file) ?? owners.get(path.dirname(file)) ?? attachments.length - 1;
}
