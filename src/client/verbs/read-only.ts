/** portablectl read-only */
import { UsageError } from '../../terminal/failure.ts';
import { formatJson } from '../../terminal/json.ts';
import { readImage } from '../target.ts';
import type { Verb } from '../verb.ts';

/** The words of systemd.syntax(7), "Boolean arguments". */
const words: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['1', 'yes', 'y', 'true', 't', 'on'].map((word) => [word, true])),
  ...Object.fromEntries(['0', 'no', 'n', 'false', 'f', 'off'].map((word) => [word, false])),
};

export const readOnly: Verb = async (context) => {
  const { settings, services, terminal } = context;
  const [name = '', word = 'yes'] = context.args;
  const { image } = readImage(context, name, false);
  const value = words[word.toLowerCase()];
  if (value === undefined) throw new UsageError(`'${word}' is neither yes nor no.`);
  await services.images.markReadOnly(image, value);
  if (settings.json !== 'off') terminal.stdout.write(formatJson({ image, readOnly: value }, settings.json));
  return 0;
};
