/** How images are named on the command line: portablectl(1), and what its options mean there. */
import { lstatSync, readdirSync, realpathSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

import { errnoOf, fileError, quoted } from '../base/errors.ts';
import { imageNameOf, imagePrefix, isImageName } from '../images/names.ts';
import { imageInTree } from './files/image-argument.ts';
import { didYouMean, UsageError } from '../terminal/failure.ts';

export interface ArgumentOptions {
  /** The directory that relative paths are relative to. */
  readonly cwd: string;
  /** The image is on this machine: paths mean something. */
  readonly local: boolean;
  /** On disk: the tree it is in; paths are as seen in that. */
  readonly tree?: string | undefined;
  /** It may be gone: what is attached can still be detached. */
  readonly mayBeMissing: boolean;
  /** Told what might not be what was meant. */
  readonly warn: (text: string) => void;
}

/**
 * A name stays a name, anything with a slash is a path and becomes absolute, without links.
 * @throws UsageError
 */
export function resolveImage(text: string, options: ArgumentOptions): string {
  if (isImageName(text)) {
    if (options.local && options.tree === undefined && exists(resolve(options.cwd, text))) {
      options.warn(`There is a file '${text}' here, which is not meant: './${text}' would be.`);
    }
    return text;
  }
  if (options.tree !== undefined) return imageInTree(text, options.tree, options.cwd);
  if (text === '') throw new UsageError('An image has a name or a path, not nothing.');
  if (!options.local) {
    throw new UsageError(
      'Images of other machines are named, not given by path.',
      'portablectl list names them',
    );
  }
  const path = resolve(options.cwd, text);
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    if (errnoOf(error) === 'ENOENT' && options.mayBeMissing) return path;
    throw new UsageError(`${fileError(error, 'find', text).message}${nearPath(path)}`);
  }
}

/**
 * The prefix that the units of an image share, by the image's name: what comes before a version.
 * @throws UsageError where a unit's name cannot begin so
 */
export function unitPrefixOf(image: string): string {
  const name = basename(image).replace(/\.v$/, '');
  const prefix = imagePrefix(imageNameOf(name));
  if (/^[A-Za-z0-9.-]+$/.test(prefix)) return prefix;
  throw new UsageError(
    `The name of ${quoted(image)} does not say how its units begin: no unit is called ${quoted(prefix)}.`,
    'rename it, or name the prefixes of the units behind it',
  );
}

/** "-" alone means every unit. @param words behind the image @throws UsageError */
export function unitPrefixes(
  image: string,
  words: readonly string[],
  all: 'allowed' | 'refused',
): readonly string[] {
  if (words.length === 0) return [unitPrefixOf(image)];
  if (words.length > 1 || words[0] !== '-') return words;
  if (all === 'allowed') return [];
  throw new UsageError('"-", for all units, is only for inspect.', 'name the prefixes of the units you want');
}

/** What was chosen, for the person to see. */
export function describePrefixes(prefixes: readonly string[]): string {
  if (prefixes.length === 0) return '(Matching all unit files.)';
  const list = prefixes.map((prefix) => `'${prefix}'`).join(', ');
  return `(Matching unit files with prefix${prefixes.length === 1 ? '' : 'es'} ${list}.)`;
}

/** ", did you mean …?" for the file beside it that is called almost so. */
function nearPath(path: string): string {
  try {
    return didYouMean(basename(path), readdirSync(dirname(path)));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return '';
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
