/** portablectl remove */
import { formatJson } from '../../terminal/json.ts';
import { readImage } from '../target.ts';
import type { Verb } from '../verb.ts';

export const remove: Verb = async (context) => {
  const { settings, services, terminal } = context;
  const images = context.args.map((name) => readImage(context, name, false).image);
  for (const image of images) await services.images.remove(image);
  if (settings.json !== 'off') terminal.stdout.write(formatJson({ removed: images }, settings.json));
  return 0;
};
