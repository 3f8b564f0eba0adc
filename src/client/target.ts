/** What a verb is to work on: an image, its extensions, its units, from what was typed. */
import { resolve } from 'node:path';

import { describePrefixes, resolveImage, unitPrefixes } from './image-argument.ts';
import type { ImageRef } from '../portable/requests.ts';
import type { Context } from './verb.ts';

export interface Target extends ImageRef {
  /** Prefixes of the units that are meant; none for all. */
  readonly matches: readonly string[];
}

/** An image that a verb is about, and the extensions of --extension=. @throws UsageError */
export function readImage(context: Context, image: string, mayBeMissing: boolean): ImageRef {
  const { settings, terminal, cwd } = context;
  const options = {
    cwd,
    local: settings.place.kind === 'local',
    tree: settings.root === undefined ? undefined : resolve(cwd, settings.root),
    mayBeMissing,
    warn: (text: string) => {
      say(context, terminal.stderr.styles.yellow(text));
    },
  };
  return {
    image: resolveImage(image, options),
    extensions: settings.extensions.map((extension) => resolveImage(extension, options)),
  };
}

export interface TargetOptions {
  /** An image may be gone: what is attached can still be detached. */
  readonly mayBeMissing: boolean;
  /** Whether "-" stands for every unit. */
  readonly all: 'allowed' | 'refused';
  /** Whether it matters which units are meant; it is told then. */
  readonly units: boolean;
}

/** An image with the units that are meant. @param words behind the image @throws UsageError */
export function readTarget(
  context: Context,
  image: string,
  words: readonly string[],
  { mayBeMissing, all, units }: TargetOptions,
): Target {
  const ref = readImage(context, image, mayBeMissing);
  if (!units) return { ...ref, matches: [] };
  const matches = unitPrefixes(ref.image, words, all);
  say(context, describePrefixes(matches));
  return { ...ref, matches };
}

/** Says, before anything else, that nothing will be changed. */
export function sayThatNothingChanges(context: Context): void {
  say(context, '(Nothing is changed. This is what would be done.)');
}

/** Tells the person what goes on, beside the output proper. */
export function say({ settings, terminal }: Context, text: string): void {
  if (!settings.quiet && settings.json === 'off') terminal.stderr.write(`${text}\n`);
}
