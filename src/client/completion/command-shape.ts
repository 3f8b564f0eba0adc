/** A command line as shells complete it; each program describes its own. */

/** What can be offered for a word. */
export type Offer =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Of the search path, by name; and files and directories. */
  | { readonly kind: 'image' }
  | { readonly kind: 'attached-image' }
  /** Of the image before it; and images, for there may be several. */
  | { readonly kind: 'unit' }
  /** By name; and files and directories. */
  | { readonly kind: 'profile' }
  | { readonly kind: 'directory' }
  | { readonly kind: 'file' }
  | { readonly kind: 'host' }
  | { readonly kind: 'machine' }
  | { readonly kind: 'nothing' };

export interface OptionShape {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string | undefined;
  readonly help: string;
  readonly argument?: { readonly name: string; readonly offer: Offer } | undefined;
  /** Says which host is meant: images and profiles are asked of that. */
  readonly chooses?: 'host' | undefined;
}

export interface ArgumentShape {
  readonly name: string;
  readonly offer: Offer;
  /** It, and as many more of it as one likes. */
  readonly repeats: boolean;
}

export interface VerbShape {
  readonly name: string;
  readonly help: string;
  readonly arguments: readonly ArgumentShape[];
  /** Names of the options that mean something to it. */
  readonly options: readonly string[];
}

export interface CommandShape {
  readonly program: string;
  readonly options: readonly OptionShape[];
  /** Empty for programs that have none. */
  readonly verbs: readonly VerbShape[];
  /** What a program without verbs takes. */
  readonly arguments: readonly ArgumentShape[];
}

/** How an option may be written, with dashes: "--profile", "-p". */
export function spellings({ name, short }: OptionShape): readonly string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

/** What is offered for the arguments of a verb, or of a program without verbs: by how many were given before it. */
export function offersByPosition(
  given: readonly ArgumentShape[],
): readonly (readonly [position: string, offer: Offer])[] {
  return given.map(({ offer, repeats }, i) => [repeats ? `[${i}-9]*` : String(i), offer] as const);
}

/** The command that lists images, one name each line; names may have blanks in them, types do not. */
export const imageNames = String.raw`sed -nE 's/ +(directory|subvolume|raw|block) +(yes|no) .*$//p'`;
/** As above, those that are attached. */
export const attachedNames = String.raw`sed -nE '/ detached *$/d; s/ +(directory|subvolume|raw|block) +(yes|no) .*$//p'`;
/** From what inspect prints, the names of units. */
export const unitNames = String.raw`sed -n '/^Unit files:$/,$s/^\t//p'`;
/** How a program is called to be asked something: no pager, no questions, nothing else said. */
export const quietly = '--no-pager --no-legend --no-ask-password';
