/** portablectl attach */
import { basename } from 'node:path';

import { attachRequests } from '../attach-requests.ts';
import { printReport, sayOutcomes } from '../report.ts';
import { enable, reload, runJobs, sayLinks, unitFiles } from '../unit-steps.ts';
import type { Verb } from '../verb.ts';

export const attach: Verb = async (context) => {
  const { settings, services } = context;
  const requests = await attachRequests(context);
  const done = await services.images.attach(requests);
  const outcomes = requests.map(({ image }, i) => ({ image, removed: [], changes: done.images[i] ?? [] }));
  sayOutcomes(context, outcomes);
  const files = unitFiles(done.images.flat(), 'put');
  // enabled first, so that one reload is enough for the units and for what wants them
  const links = sayLinks(context, done.links, settings.enable ? await enable(context, files) : []);
  const reloaded = await reload(context);
  const names = files.map((path) => basename(path));
  const jobs = settings.now ? await runJobs(context, 'start', names) : [];
  printReport(context, { outcomes, links, jobs, reloaded });
  return 0;
};
