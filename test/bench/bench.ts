/**
 * `npm run bench`: the same calls to systemd's daemon and to ours, in turn, on one booted host. Prints medians and
 * ratios; with --write, records the ratios in docs/performance.md.
 *
 *   npm run bench -- [--suite trixie] [--write]
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { bootHost } from '../host/host.ts';
import { withPortabled } from '../host/install-portabled.ts';
import { hostSettings, parseSuite, suites } from '../host/settings.ts';
import { Contest } from './contest.ts';
import { prepareImages } from './images.ts';
import { memory } from './memory.ts';
import { formatReport } from './report.ts';
import { speeds } from './speeds.ts';

const { values } = parseArgs({
  options: { suite: { type: 'string', default: 'trixie' }, write: { type: 'boolean', default: false } },
});
const suite = parseSuite(values.suite);
const host = await bootHost({ ...hostSettings(process.env), suite, ...withPortabled() });
try {
  const images = await prepareImages(host);
  const contest = new Contest(host);
  // first, as long as there is little to list
  const sizes = await memory(contest, images);
  const results = await speeds(contest, images);
  const report = formatReport(results, sizes, `systemd ${suites[suite]}`);
  console.log(report);
  if (values.write) await writeFile(path.join(import.meta.dirname, '../../docs/performance.md'), report);
  process.exitCode = [...results, ...sizes].some((result) => !result.met) ? 1 : 0;
} finally {
  await host.stop();
}
