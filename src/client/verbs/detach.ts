/** portablectl detach */
import { basename } from 'node:path';

import { quoted } from '../../base/errors.ts';
import { formatFailure } from '../../terminal/failure.ts';
import { CommandError, withMore } from '../command-error.ts';
import { printReport, sayOutcomes } from '../report.ts';
import type { Before, LinkChange } from '../services.ts';
import type { Target } from '../target.ts';
import { readTargets } from '../targets.ts';
import {
  clean,
  disable,
  enable as enableUnits,
  reload,
  runJobs,
  running,
  sayLinks,
  startAgain,
} from '../unit-steps.ts';
import type { Context, Verb } from '../verb.ts';

export const detach: Verb = async (context) => {
  const { settings, services } = context;
  const { runtime, force, enable } = settings;
  const withUnits = settings.now || settings.clean || (enable && !services.linksTogether);
  const targets = await readTargets(context, { mayBeMissing: true, all: 'allowed', units: withUnits });
  if (withUnits) for (const target of targets) await checkAttached(context, target);
  const names = withUnits ? await unitNames(context, targets) : [];
  const ran = settings.now ? await running(context, names) : [];
  const jobs = settings.now ? await runJobs(context, 'stop', names) : [];
  const unlinked: LinkChange[] = [];
  const disabling: Before = {
    go: async () => void unlinked.push(...sayLinks(context, await disable(context, names))),
    back: async () => void sayLinks(context, await enableUnits(context, enabledBy(unlinked, names))),
  };
  // with the instances of templates that were stopped
  const stopped = [...new Set([...names, ...jobs.map(({ unit }) => unit)])];
  const cleaned = settings.clean ? await clean(context, stopped) : [];
  const requests = targets.map(({ image, extensions }) => ({
    image,
    extensions,
    runtime,
    force,
    disable: enable,
  }));
  const inCalls = enable && !services.linksTogether;
  const done = await services.images
    .detach(requests, inCalls ? disabling : undefined)
    .catch(async (error: unknown) => {
      const idle = await startAgain(context, ran);
      throw withMore(error, notAsBefore(idle, cleaned));
    });
  const outcomes = requests.map(({ image }, i) => ({ image, removed: done.images[i] ?? [], changes: [] }));
  const links = [...unlinked, ...sayLinks(context, done.links)];
  sayOutcomes(context, outcomes);
  const reloaded = await reload(context);
  printReport(context, { outcomes, links, jobs, reloaded });
  return 0;
};

/** Units of an image that is not attached are somebody else's: they are not stopped. @throws CommandError */
async function checkAttached({ services }: Context, target: Target): Promise<void> {
  if ((await services.images.state(target)) !== 'detached') return;
  throw new CommandError(`Cannot detach ${quoted(target.image)}: it is not attached.`, {
    hint: 'portablectl list tells what is attached, and --extension= must be as it was then',
    dbusName: 'org.freedesktop.systemd1.NoSuchUnit',
    image: target.image,
  });
}

/** What has been done to units for a detach that failed, and stays. @param idle do not run again */
function notAsBefore(idle: readonly string[], cleaned: readonly string[]): readonly string[] {
  const lines: string[] = [];
  if (idle.length > 0) lines.push(`Stopped, and not started again: ${idle.map(quoted).join(', ')}.`);
  if (cleaned.length > 0)
    lines.push(`Gone for good, by --clean: what ${cleaned.map(quoted).join(', ')} kept.`);
  return lines;
}

/** The units that links were for: those of instances ("a@x.service") are for their templates. */
function enabledBy(links: readonly LinkChange[], names: readonly string[]): readonly string[] {
  const enabling = links.filter(
    ({ path }) => !path.includes('.attached/') || /\.(wants|requires|upholds)\//.test(path),
  );
  const linked = new Set(enabling.map(({ path }) => basename(path).replace(/@[^@]*\./, '@.')));
  return names.filter((name) => linked.has(name));
}

/** The units of the images, as far as they can be told: an image may be gone. */
async function unitNames(
  { services, settings, terminal }: Context,
  targets: readonly Target[],
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const target of targets) {
    try {
      const request = { ...target, forceExtension: settings.force };
      names.push(...(await services.images.inspect(request)).units.keys());
    } catch (error) {
      terminal.stderr.write(formatFailure(error, terminal.stderr));
    }
  }
  return names;
}
