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

/** What is done, while a line is walked through, with a word that is an option. */
export interface WalkStep {
  /** Shell patterns of the word. */
  readonly patterns: readonly string[];
  /** Whether it says which host is meant. */
  readonly remembered: boolean;
  /** The word after it is its value. */
  readonly takesNext: boolean;
}

/** How to step over options to the verb and its arguments, remembering those that choose the host. */
export function walkSteps(options: readonly OptionShape[]): readonly WalkStep[] {
  const pick = (host: boolean, value: boolean): readonly string[] =>
    options
      .filter((option) => (option.chooses === 'host') === host && (option.argument !== undefined) === value)
      .flatMap(spellings);
  const choosing = pick(true, true);
  const steps: readonly WalkStep[] = [
    { patterns: choosing, remembered: true, takesNext: true },
    {
      patterns: [...choosing.map((each) => `${each}=*`), ...pick(true, false)],
      remembered: true,
      takesNext: false,
    },
    { patterns: pick(false, true), remembered: false, takesNext: true },
  ];
  return steps.filter(({ patterns }) => patterns.length > 0);
}

/** What a program is asked, about the host that was chosen, to offer names. */
export interface Question {
  readonly about: 'images' | 'attached' | 'profiles' | 'units';
  /** The words it is asked with. */
  readonly words: string;
  /** Makes lines with one name each of the answer. */
  readonly filter?: string;
}

const before = String.raw`s/ +(directory|subvolume|raw|block) +(yes|no) .*$//p`;

/** @param image how the shell names the image that was given: its units may be asked for */
export function questionsAbout(image: string): readonly Question[] {
  return [
    // names may have blanks in them, types do not
    { about: 'images', words: 'list', filter: `sed -nE '${before}'` },
    { about: 'attached', words: 'list', filter: `sed -nE '/ detached *$/d; ${before}'` },
    { about: 'profiles', words: '--profile=help' },
    { about: 'units', words: `inspect ${image} -`, filter: String.raw`sed -n '/^Unit files:$/,$s/^\t//p'` },
  ];
}

/** The question as a pipeline. @param ask the program with the options that choose the host */
export function pipeline(ask: string, { words, filter }: Question): string {
  const asked = `${ask} --no-pager --no-legend --no-ask-password ${words} 2>/dev/null`;
  return filter === undefined ? asked : `${asked} | ${filter}`;
}

/** What is offered for the words of a verb (undefined: of a program without verbs), by position. */
export function positionsOf({
  verbs,
  arguments: own,
}: CommandShape): readonly (readonly [
  verb: string | undefined,
  position: string,
  argument: ArgumentShape,
])[] {
  const each = (verb: string | undefined, given: readonly ArgumentShape[]) =>
    given.map((argument, i) => [verb, argument.repeats ? `[${i}-9]*` : String(i), argument] as const);
  return verbs.length === 0 ? each(undefined, own) : verbs.flatMap((verb) => each(verb.name, verb.arguments));
}
