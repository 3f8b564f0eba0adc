/**
 * Fuzzes a reader: node --import tsx test/fuzz/run.ts squashfs --count 200000 --seed 1 [--jobs 2]
 * One case again, with its error: … squashfs --seed 1 --only 1234 [--save image.bin]
 *
 * The cases run in child processes, so that a case that never ends is seen and reported as well.
 */
import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { caseImage, fuzz } from './fuzz.ts';
import type { FuzzReport } from './fuzz.ts';
import { fuzzTargets } from './targets.ts';

/** No sign of life for so long: the case hangs. */
const hangMs = 20_000;
/** A child that has grown beyond this is leaking, or was made to allocate without bound. */
const maxRssBytes = 768 * 1024 * 1024;
/** Cases between two signs of life. */
const batch = 50;

interface Range {
  readonly seed: number;
  readonly first: number;
  readonly end: number;
}

type ChildMessage = { readonly alive: number } | { readonly report: FuzzReport; readonly rss: number };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    only: { type: 'string' },
    save: { type: 'string' },
    child: { type: 'string' },
  },
});

const name = positionals[0] ?? '';
const load = fuzzTargets[name];
if (load === undefined) {
  console.error(
    `usage: run.ts ${Object.keys(fuzzTargets).join('|')} [--count N] [--seed N] [--jobs N] [--only CASE]`,
  );
  process.exitCode = 2;
} else if (values.child !== undefined) {
  await child(JSON.parse(values.child) as Range);
} else if (values.only !== undefined) {
  await single(Number(values.seed), Number(values.only), values.save);
} else {
  await all(Number(values.seed), Number(values.count), Number(values.jobs));
}

async function single(seed: number, number: number, save: string | undefined): Promise<void> {
  const target = await load!();
  if (save !== undefined) await writeFile(save, caseImage(await target.images(), seed, number).bytes);
  console.log(await fuzz(target, { seed, first: number, end: number + 1 }));
}

/** In the child: runs the range, with a sign of life every few cases. */
async function child(range: Range): Promise<void> {
  const send = (message: ChildMessage) => process.send!(message);
  const report = await fuzz(await load!(), {
    ...range,
    onCase: (number) => {
      if (number % batch === 0) send({ alive: number });
    },
  });
  send({ report, rss: process.resourceUsage().maxRSS * 1024 });
  process.disconnect();
}

/** In the parent: hands out the cases in ranges, and sums up. */
async function all(seed: number, count: number, jobs: number): Promise<void> {
  const start = performance.now();
  const step = Math.max(batch, Math.min(10_000, Math.ceil(count / jobs)));
  const ranges: Range[] = [];
  for (let first = 0; first < count; first += step)
    ranges.push({ seed, first, end: Math.min(count, first + step) });
  const total: FuzzReport = {
    cases: 0,
    opened: 0,
    intact: 0,
    refusals: {},
    slowestMs: 0,
    slowestCase: -1,
    failures: [],
  };
  let maxRss = 0;
  const worker = async () => {
    for (let range = ranges.shift(); range !== undefined; range = ranges.shift()) {
      const done = await runChild(range);
      maxRss = Math.max(maxRss, done.rss);
      add(total, done.report);
      console.error(`${total.cases} cases, ${total.failures.length} failures`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, worker));
  console.log({ ...total, failures: total.failures.slice(0, 20) });
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `${total.cases} cases in ${seconds.toFixed(0)} s, largest process ${(maxRss / 1048576).toFixed(0)} MiB`,
  );
  if (total.failures.length > 0 || maxRss > maxRssBytes || total.cases !== count) process.exitCode = 1;
}

function runChild(range: Range): Promise<{ readonly report: FuzzReport; readonly rss: number }> {
  return new Promise((resolve) => {
    const process_ = fork(fileURLToPath(import.meta.url), [name, '--child', JSON.stringify(range)], {
      execArgv: ['--import', 'tsx', '--max-old-space-size=256'],
    });
    let last = range.first;
    let watchdog = setTimeout(() => process_.kill('SIGKILL'), hangMs);
    let settled = false;
    process_.on('message', (message: ChildMessage) => {
      if ('report' in message) {
        settled = true;
        resolve(message);
        return;
      }
      last = message.alive;
      clearTimeout(watchdog);
      watchdog = setTimeout(() => process_.kill('SIGKILL'), hangMs);
    });
    process_.on('exit', (code, signal) => {
      clearTimeout(watchdog);
      if (settled) return;
      const problem = `the process ended (${signal ?? String(code)}) in one of the ${batch} cases from ${last} on`;
      const failures = [{ case: last, image: '?', problem }];
      const cases = last - range.first;
      const report = {
        cases,
        opened: 0,
        intact: 0,
        refusals: {},
        slowestMs: hangMs,
        slowestCase: last,
        failures,
      };
      resolve({ report, rss: 0 });
    });
  });
}

function add(total: FuzzReport, part: FuzzReport): void {
  total.cases += part.cases;
  total.opened += part.opened;
  total.intact += part.intact;
  total.failures.push(...part.failures);
  for (const [code, times] of Object.entries(part.refusals)) {
    total.refusals[code] = (total.refusals[code] ?? 0) + times;
  }
  if (part.slowestMs > total.slowestMs) {
    total.slowestMs = part.slowestMs;
    total.slowestCase = part.slowestCase;
  }
}
