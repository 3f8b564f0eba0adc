/** portablectl read-only */
import { UsageError } from '../../terminal/failure.ts';
import { formatJson } from '../../terminal/json.ts';
import { readImage } from '../target.ts';
import type { Verb } from '../verb.ts';

/** The words of systemd.syntax(7), "Boolean arguments". */
const words: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'yes', 'y', 'true', 't', 'on'].map((word) => [word, true] as const),
  ...['0', 'no', 'n', 'false', 'f', 'off'].map((word) => [word, false] as const),
]);

export const readOnly: Verb = async (context) => {
  const { settings, services, terminal } = context;
  const [name = '', word = 'yes'] = context.args;
  const { image } = readImage(context, name, false);
  const value = words.get(word.toLowerCase());
  if (value === undefined) throw new UsageError(`'${word}' is neither yes nor no.`);
  await services.images.markReadOnly(image, value);
  if (settings.json !== 'off') terminal.stdout.write(formatJson({ image, readOnly: value }, settings.json));
  return 0;
};
