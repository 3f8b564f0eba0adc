/** The command line of portablectl, as shells complete it: made from the tables that the program itself goes by. */
import { jsonModes } from '../terminal/json.ts';
import { options, type ArgumentKind, type Option } from '../client/command-line/options.ts';
import { copyModes } from '../client/command-line/settings.ts';
import { commonOptions, verbs } from '../client/command-line/verbs.ts';
import type { CommandShape, Offer } from './command-shape.ts';

/** Options by which another host is meant. */
const choosing = ['root', 'host', 'machine', 'user', 'system'];

export const portablectl: CommandShape = {
  program: 'portablectl',
  arguments: [],
  options: options.map(({ name, short, help, argument }: Option) => ({
    name,
    short,
    help,
    argument: argument && { name: argument.name, offer: offerFor(argument.kind) },
    chooses: choosing.includes(name) ? 'host' : undefined,
  })),
  verbs: verbs.map((verb) => ({
    name: verb.name,
    help: verb.help,
    arguments: verb.arguments.map(({ name, kind, repeats }) => ({
      name,
      offer: verb.name === 'detach' && kind === 'image' ? { kind: 'attached-image' } : offerFor(kind),
      repeats: repeats === true,
    })),
    options: [...commonOptions, ...verb.options],
  })),
};

function offerFor(kind: ArgumentKind): Offer {
  switch (kind) {
    case 'bool':
      return { kind: 'words', words: ['yes', 'no'] };
    case 'copy-mode':
      return { kind: 'words', words: [...copyModes.keys()] };
    case 'json':
      return { kind: 'words', words: jsonModes };
    case 'prefix':
    case 'unit':
      return { kind: 'unit' };
    case 'directory':
    case 'host':
    case 'image':
    case 'machine':
    case 'profile':
      return { kind };
    case 'size':
      return { kind: 'nothing' };
  }
}
