/**
 * `npm run bench`: the same calls to systemd's daemon and to ours, in turn, on one booted host. Prints medians and
 * ratios; with --write, records the ratios in docs/performance.md.
 *
 *   npm run bench -- [--suite trixie] [--write] [--only inspection]
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bootHost } from '../host/host.ts';
import { withPortabled } from '../host/install-portabled.ts';
import { hostSettings, parseSuite, suites } from '../host/settings.ts';
import { clientStart } from './client-start.ts';
import { Contest } from './contest.ts';
import { dissectSpeeds } from './dissect-speeds.ts';
import { withInspections } from './inspection-report.ts';
import { prepareImages } from './images.ts';
import { memory } from './memory.ts';
import { formatReport, type Result } from './report.ts';
import { speeds } from './speeds.ts';

const { values } = parseArgs({
  options: {
    suite: { type: 'string', default: 'trixie' },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const suite = parseSuite(values.suite);
if (values.only !== undefined && values.only !== 'inspection')
  throw new Error('--only inspection, or everything');
const page = path.join(import.meta.dirname, '../../docs/performance.md');
const host = await bootHost({ ...hostSettings(process.env), suite, ...withPortabled() });
try {
  const contest = new Contest(host);
  const calls = values.only === undefined ? await measureCalls(contest) : undefined;
  const inspections = await dissectSpeeds(contest);
  const report = withInspections(calls?.report ?? (await readFile(page, 'utf8')), inspections);
  console.log(report);
  if (values.write) await writeFile(page, report);
  const all = [...(calls?.results ?? []), ...inspections.speeds, ...inspections.sizes];
  process.exitCode = all.some((result) => !result.met) ? 1 : 0;
} finally {
  await host.stop();
}

async function measureCalls(contest: Contest): Promise<{ report: string; results: readonly Result[] }> {
  const images = await prepareImages(host);
  // first, as long as there is little to list
  const sizes = await memory(contest, images);
  const results = [await clientStart(contest), ...(await speeds(contest, images))];
  return {
    report: formatReport(results, sizes, `systemd ${suites[suite]}`, await readFile(page, 'utf8')),
    results: [...results, ...sizes],
  };
}
