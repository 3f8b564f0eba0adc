/** portablectl is-attached */
import { formatJson } from '../../terminal/json.ts';
import { readImage } from '../target.ts';
import type { Verb } from '../verb.ts';

export const isAttached: Verb = async (context) => {
  const { settings, services, terminal } = context;
  const ref = readImage(context, context.args[0] ?? '', true);
  const state = await services.images.state(ref);
  if (settings.json !== 'off') terminal.stdout.write(formatJson({ image: ref.image, state }, settings.json));
  else if (!settings.quiet) terminal.stdout.write(`${state}\n`);
  return 0;
};
