/** How long our client takes: a list, less what the daemon takes to answer, against a Node that does nothing. */
import type { Host } from '../host/host.ts';
import { median } from './contest.ts';
import type { Contest } from './contest.ts';
import type { Result } from './report.ts';

const limit = 1.5;
const runs = 25;

/** Runs in the host: milliseconds of each command, in turn. */
const program = `
const { spawnSync } = require('node:child_process');
const time = (command, ...args) => {
  const started = process.hrtime.bigint();
  const { status, stderr } = spawnSync(command, args);
  if (status !== 0) throw new Error(String(stderr));
  return Number(process.hrtime.bigint() - started) / 1e6;
};
const times = { node: [], list: [] };
for (let i = 0; i < ${runs}; i++) {
  times.node.push(time(process.execPath, '-e', '0'));
  times.list.push(time('/usr/local/bin/portablectl', 'list'));
}
console.log(JSON.stringify(times));
`;

export async function clientStart(contest: Contest): Promise<Result> {
  await contest.turn('portabled');
  const answers: number[] = [];
  for (let i = 0; i < runs; i++) answers.push(await firstAnswer(contest.host));
  const { node, list } = await measured(contest.host);
  const [bare, whole, answer] = [median(node), median(list), median(answers.slice(1))];
  const ratio = (whole - answer) / bare;
  console.log(
    `portablectl list: ${whole.toFixed(1)} ms, the answer ${answer.toFixed(1)} ms, node -e 0 ${bare.toFixed(1)} ms`,
  );
  return {
    what: "portablectl list without the daemon's answer, against node -e 0",
    ratio,
    limit,
    met: ratio <= limit,
  };
}

/** What the daemon takes to answer somebody whom it has not seen before, as the client is every time: milliseconds. */
async function firstAnswer(host: Host): Promise<number> {
  const bus = await host.bus();
  try {
    await bus.get({
      member: 'GetId',
      destination: 'org.freedesktop.DBus',
      path: '/',
      interface: 'org.freedesktop.DBus',
    });
    const started = performance.now();
    await bus.get({ member: 'ListImages' });
    return performance.now() - started;
  } finally {
    await bus.close();
  }
}

async function measured(host: Host): Promise<{ readonly node: number[]; readonly list: number[] }> {
  const text = await host.check([process.execPath, '-e', program], { timeout: 120_000 });
  return JSON.parse(text) as { node: number[]; list: number[] };
}
