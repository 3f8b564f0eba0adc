/** portablectl reattach */
import { basename } from 'node:path';

import { attachRequests } from '../attach-requests.ts';
import { printReport, sayOutcomes } from '../report.ts';
import { disable, enable, reload, runJobs, sayLinks, unitFiles } from '../unit-steps.ts';
import type { Verb } from '../verb.ts';

export const reattach: Verb = async (context) => {
  const { settings, services } = context;
  const requests = await attachRequests(context);
  const done = await services.images.reattach(requests);
  const outcomes = requests.map(({ image }, i) => {
    return { image, removed: done.images[i]?.removed ?? [], changes: done.images[i]?.updated ?? [] };
  });
  sayOutcomes(context, outcomes);
  const files = unitFiles(
    outcomes.flatMap(({ changes }) => changes),
    'put',
  );
  const names = files.map((path) => basename(path));
  const gone = unitFiles(
    outcomes.flatMap(({ removed }) => removed),
    'removed',
  )
    .map((path) => basename(path))
    .filter((name) => !names.includes(name));
  const stopped = settings.now ? await runJobs(context, 'stop', gone) : [];
  const unlinked = settings.enable ? await disable(context, gone) : [];
  const linked = settings.enable ? await enable(context, files) : [];
  const links = sayLinks(context, done.links, unlinked, linked);
  const reloaded = await reload(context);
  const restarted = settings.now ? await runJobs(context, 'restart', names) : [];
  const jobs = [...stopped, ...restarted];
  printReport(context, { outcomes, links, jobs, reloaded });
  return 0;
};
