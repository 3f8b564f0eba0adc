/** Every verb of portablectl, as data: the parser, the help, shell completion and the manual's check come from here. */
import type { Verb as Program } from '../verb.ts';
import { list } from '../verbs/list.ts';
import type { ArgumentKind, OptionName } from './options.ts';

export interface Argument {
  readonly name: string;
  readonly kind: ArgumentKind;
  readonly optional?: true;
  /** It, and as many more of it as one likes. */
  readonly repeats?: true;
}

export interface VerbEntry {
  readonly name: string;
  readonly arguments: readonly Argument[];
  readonly help: string;
  /** The options that mean something to it, besides those that every verb has. */
  readonly options: readonly OptionName[];
  /** It may be asked for a password. */
  readonly asks?: true;
  /** Loaded when it is used: a list should not wait for the code of attach. */
  readonly load: () => Promise<Program>;
}

/** Options that every verb has. */
export const commonOptions: readonly OptionName[] = [
  'help',
  'version',
  'no-pager',
  'no-ask-password',
  'host',
  'machine',
  'user',
  'system',
  'root',
  'quiet',
  'json',
];

const image: Argument = { name: 'NAME|PATH', kind: 'image' };
const prefixes: Argument = { name: 'PREFIX', kind: 'prefix', optional: true, repeats: true };

const attachOptions: readonly OptionName[] = [
  'profile',
  'copy',
  'runtime',
  'no-reload',
  'enable',
  'now',
  'no-block',
  'extension',
  'force',
  'dry-run',
];

export const verbs: readonly VerbEntry[] = [
  {
    name: 'list',
    arguments: [],
    help: 'List the portable service images there are (the default)',
    options: ['no-legend'],
    load: () => Promise.resolve(list), // what is typed most is there at once
  },
  {
    name: 'inspect',
    arguments: [image, prefixes],
    help: 'Show what is in an image',
    options: ['cat', 'extension', 'force'],
    asks: true,
    load: async () => (await import('../verbs/inspect.ts')).inspect,
  },
  {
    name: 'attach',
    arguments: [image, prefixes],
    help: 'Put the units of images on this host',
    options: attachOptions,
    asks: true,
    load: async () => (await import('../verbs/attach.ts')).attach,
  },
  {
    name: 'detach',
    arguments: [image, prefixes],
    help: 'Take the units of images off this host',
    options: ['runtime', 'no-reload', 'enable', 'now', 'no-block', 'extension', 'force', 'clean', 'dry-run'],
    asks: true,
    load: async () => (await import('../verbs/detach.ts')).detach,
  },
  {
    name: 'reattach',
    arguments: [image, prefixes],
    help: 'Put the units of other versions in place of those attached',
    options: attachOptions,
    asks: true,
    load: async () => (await import('../verbs/reattach.ts')).reattach,
  },
  {
    name: 'is-attached',
    arguments: [image],
    help: 'Tell the state of an image',
    options: ['extension'],
    load: async () => (await import('../verbs/is-attached.ts')).isAttached,
  },
  {
    name: 'read-only',
    arguments: [image, { name: 'BOOL', kind: 'bool', optional: true }],
    help: 'Make an image read-only, or writable again',
    options: [],
    asks: true,
    load: async () => (await import('../verbs/read-only.ts')).readOnly,
  },
  {
    name: 'remove',
    arguments: [{ ...image, repeats: true }],
    help: 'Delete images',
    options: [],
    asks: true,
    load: async () => (await import('../verbs/remove.ts')).remove,
  },
  {
    name: 'set-limit',
    arguments: [
      { ...image, optional: true },
      { name: 'LIMIT', kind: 'size' },
    ],
    help: 'Limit the size of an image, or of all together',
    options: [],
    asks: true,
    load: async () => (await import('../verbs/set-limit.ts')).setLimit,
  },
];

/** What is run without a verb. */
export const defaultVerb = 'list';

/** "NAME|PATH…" or "[PREFIX…]" */
export function argumentSynopsis({ name, optional, repeats }: Argument): string {
  const text = `${name}${repeats === true ? '…' : ''}`;
  return optional === true ? `[${text}]` : text;
}
