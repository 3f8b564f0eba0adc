/** portablectl --profile=help */
import { formatJson } from '../../terminal/json.ts';
import { say } from '../target.ts';
import type { Verb } from '../verb.ts';

export const profiles: Verb = async (context) => {
  const { settings, terminal, services } = context;
  const names = await services.images.profiles();
  say(context, 'Available unit profiles:');
  const text =
    settings.json === 'off' ? names.map((name) => `${name}\n`).join('') : formatJson(names, settings.json);
  terminal.stdout.write(text);
  return 0;
};
