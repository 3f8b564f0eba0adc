/** The command line of portable-build, as shells complete it: made from the table of its parameters. */
import { keys, type Key, type KeyKind } from '../build/keys.ts';
import { jsonModes } from '../terminal/json.ts';
import type { CommandShape, Offer } from './command-shape.ts';

export const portableBuild: CommandShape = {
  program: 'portable-build',
  options: [
    ...Object.values<Key>(keys).map(({ option, help, value, kind }) => ({
      name: option,
      help,
      argument: value === undefined ? undefined : { name: value, offer: offerFor(kind) },
    })),
    {
      name: 'output',
      short: 'o',
      help: 'where the image goes',
      argument: { name: 'DIR', offer: { kind: 'directory' } },
    },
    { name: 'force', short: 'f', help: 'replace an image that is there' },
    {
      name: 'json',
      help: 'print what was built as JSON',
      argument: { name: 'MODE', offer: { kind: 'words', words: jsonModes } },
    },
    { name: 'help', short: 'h', help: 'show the help' },
  ],
  verbs: [],
  arguments: [{ name: 'BUILD-FILE', offer: { kind: 'file' }, repeats: false }],
};

function offerFor(kind: KeyKind): Offer {
  if (typeof kind !== 'string') return { kind: 'words', words: kind.choice };
  switch (kind) {
    case 'path':
    case 'paths':
    case 'contents':
      return { kind: 'file' };
    case 'text':
    case 'texts':
    case 'bytes':
    case 'symlinks':
    case 'flag':
      return { kind: 'nothing' };
  }
}
