/** portablectl set-limit */
import { UsageError } from '../../terminal/failure.ts';
import { formatJson } from '../../terminal/json.ts';
import { parseSize } from '../../terminal/sizes.ts';
import { unlimited } from '../services.ts';
import { readImage } from '../target.ts';
import type { Verb } from '../verb.ts';

/** What lifts a limit. */
const noLimit = ['', '-', 'none', 'infinity'];

export const setLimit: Verb = async (context) => {
  const { settings, services, terminal } = context;
  const { args } = context;
  const limit = readLimit(args.at(-1) ?? '');
  const [name] = args.length > 1 ? args : [];
  const image = name === undefined ? undefined : readImage(context, name, false).image;
  if (image === undefined) await services.images.setPoolLimit(limit);
  else await services.images.setImageLimit(image, limit);
  if (settings.json !== 'off') {
    const shown = { image: image ?? null, limit: limit === unlimited ? null : limit };
    terminal.stdout.write(formatJson(shown, settings.json));
  }
  return 0;
};

function readLimit(text: string): bigint {
  if (noLimit.includes(text)) return unlimited;
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError(
    `'${text}' is not a size.`,
    'sizes are like 4.5G, with K, M, G, T, P or E; "none" lifts the limit',
  );
}
