/** The command line of portabled-dissect, as shells complete it. */
import { jsonModes } from '../terminal/json.ts';
import type { CommandShape } from './command-shape.ts';

export const dissect: CommandShape = {
  program: 'portabled-dissect',
  options: [
    {
      name: 'json',
      help: 'Print everything as JSON',
      argument: { name: 'MODE', offer: { kind: 'words', words: jsonModes } },
    },
    { name: 'list', short: 'l', help: 'Print the path of every file' },
    {
      name: 'cat',
      help: 'Print a file of the image',
      argument: { name: 'PATH', offer: { kind: 'nothing' } },
    },
    { name: 'no-legend', help: 'Leave out the headers of tables' },
    { name: 'help', short: 'h', help: 'Show the help' },
    { name: 'version', help: 'Show the version' },
  ],
  verbs: [],
  arguments: [{ name: 'IMAGE', offer: { kind: 'file' }, repeats: false }],
};
