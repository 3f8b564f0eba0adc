/** The command line of portabled-dissect. */
import { UsageError } from '../terminal/failure.ts';
import { jsonMode, type JsonMode } from '../terminal/json.ts';
import { readOptions } from '../terminal/options.ts';

/** What is to be done with an image, its path as typed. */
export type Command =
  | { readonly kind: 'show'; readonly image: string; readonly json: JsonMode; readonly legend: boolean }
  | { readonly kind: 'list'; readonly image: string }
  | { readonly kind: 'cat'; readonly image: string; readonly file: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'version' };

const options = {
  list: { type: 'boolean', short: 'l' },
  cat: { type: 'string' },
  json: { type: 'string' },
  'no-legend': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean' },
} as const;

const seeHelp = "try 'portabled-dissect --help'";

/** @param args without the program's own name @throws UsageError */
export function parseCommandLine(args: readonly string[]): Command {
  const { values, positionals } = readOptions('portabled-dissect', args, options);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  const [image, ...more] = positionals;
  if (image === undefined) throw new UsageError('no image is named', seeHelp);
  if (more.length > 0)
    throw new UsageError(`one image at a time: '${more.join("', '")}' is too many`, seeHelp);
  const json = jsonMode(values.json ?? 'off');
  const chosen = [
    values.list === true && '--list',
    values.cat !== undefined && '--cat',
    json !== 'off' && '--json',
  ];
  const exclusive = chosen.filter((option) => option !== false);
  if (exclusive.length > 1) throw new UsageError(`${exclusive.join(' and ')} do not go together`, seeHelp);
  if (values.list === true) return { kind: 'list', image };
  if (values.cat !== undefined) return { kind: 'cat', image, file: values.cat };
  return { kind: 'show', image, json, legend: values['no-legend'] !== true };
}

export const helpText = `Usage: portabled-dissect [OPTION…] IMAGE

Shows what a portable service image is and what it holds: its partitions, file systems and how they are protected,
os-release or extension-release, units, and the policy that pins it. IMAGE is the path of a raw image, a block device or
a directory. A readable image of squashfs, erofs, ext4, btrfs, xfs, f2fs or vfat needs no privileges, and is not
mounted.

      --json[=MODE]  print everything as JSON: pretty (default), short or off
  -l, --list         print the path of every file
      --cat PATH     print a file of the image
      --no-legend    leave out the headers of tables
  -h, --help         show this text
      --version      show the version of this program

See portabled-dissect(1).
`;
