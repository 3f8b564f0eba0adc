/**
 * Several images in one command: "attach A B C". systemd's client takes every word behind the first for a prefix of
 * units, and so do we where it can be one: docs/decisions/several-images.md.
 */
import { matchesPrefix } from '../portable/unit-name.ts';
import { imageNameOf } from '../images/names.ts';
import { readImage, readTarget, type Target, type TargetOptions } from './target.ts';
import type { Context } from './verb.ts';

/** The images that were named, each with the prefixes behind it. @throws UsageError */
export async function readTargets(context: Context, options: TargetOptions): Promise<readonly Target[]> {
  const groups = await groupWords(context, options);
  return groups.map(([image, ...words]) => readTarget(context, image, words, options));
}

type Group = readonly [image: string, ...prefixes: string[]];

/** A word is another image when it is a path, or when no unit of the image before it begins so and an image has that name. */
async function groupWords(context: Context, options: TargetOptions): Promise<readonly Group[]> {
  const [first = '', ...rest] = context.args;
  const groups: [string, ...string[]][] = [[first]];
  if (rest.length === 0) return groups;
  const isImage = imageNames(context);
  let units = unitsOf(context, first, options);
  for (const word of rest) {
    const another = word.includes('/') || (!(await isPrefix(word, units)) && (await isImage(word)));
    if (another) {
      groups.push([word]);
      units = unitsOf(context, word, options);
    } else {
      groups.at(-1)?.push(word);
    }
  }
  return groups;
}

type Lazy<T> = () => Promise<T>;

async function isPrefix(word: string, units: Lazy<readonly string[]>): Promise<boolean> {
  return word === '-' || (await units()).some((name) => matchesPrefix(name, word));
}

/** Names of the units of an image; none where they cannot be told, of which we hear when it comes to it. */
function unitsOf(context: Context, image: string, { mayBeMissing }: TargetOptions): Lazy<readonly string[]> {
  return once(async () => {
    const ref = readImage(silent(context), image, mayBeMissing);
    const request = { ...ref, matches: [], forceExtension: context.settings.force };
    const metadata = await context.services.images.inspect(request).catch(() => undefined);
    return metadata === undefined ? [] : [...metadata.units.keys()];
  });
}

function imageNames({ services }: Context): (word: string) => Promise<boolean> {
  const names = once(async () => new Set((await services.images.list()).map(({ name }) => name)));
  return async (word) => (await names()).has(imageNameOf(word));
}

/** What is said of an image is said when it is its turn. */
function silent(context: Context): Context {
  return { ...context, settings: { ...context.settings, quiet: true } };
}

function once<T>(work: Lazy<T>): Lazy<T> {
  let result: Promise<T> | undefined;
  return () => (result ??= work());
}
