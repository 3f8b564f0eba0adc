/** How long calls take: ours against systemd's, in turn, and whether that is what we promise. */
import { rawKinds } from './images.ts';
import type { BenchImages } from './images.ts';
import { median } from './contest.ts';
import type { Contest, Contestant } from './contest.ts';
import type { BusCall } from '../host/bus.ts';
import type { Result } from './report.ts';

/** Calls, in milliseconds, by who answered. */
type Times = Record<Contestant, number[]>;

const attachArgs = (image: string): BusCall => ({
  member: 'AttachImage',
  signature: 'sassbs',
  body: [image, [], 'default', false, ''],
});
const detachArgs = (image: string): BusCall => ({
  member: 'DetachImage',
  signature: 'sb',
  body: [image, false],
});
const metadata = (image: string): BusCall => ({
  member: 'GetImageMetadata',
  signature: 'sas',
  body: [image, []],
});
const state = (image: string): BusCall => ({ member: 'GetImageState', signature: 's', body: [image] });
const list: BusCall = { member: 'ListImages' };

export async function speeds(contest: Contest, images: BenchImages): Promise<readonly Result[]> {
  const results: Result[] = [];
  const record = (what: string, times: Times, limit: number): void => {
    const [ours, theirs] = [median(times.portabled), median(times.systemd)];
    const ratio = ours / theirs;
    console.log(`${what}: ${ours.toFixed(2)} ms, systemd ${theirs.toFixed(2)} ms, ratio ${ratio.toFixed(3)}`);
    results.push({ what, ratio, limit, met: ratio <= limit });
  };
  record('First reply after bus activation (ListImages)', await activations(contest), 2);
  for (const kind of rawKinds) {
    record(`GetImageMetadata, squashfs ${kind}`, await repeated(contest, metadata(images.raw[kind])), 0.1);
  }
  record('GetImageMetadata, directory', await repeated(contest, metadata(images.directory)), 1);
  record('Attach and detach, directory', await pairs(contest, images.directory), 1);
  record('Attach and detach, squashfs', await pairs(contest, images.raw.zstd), 1);
  await contest.turn('portabled');
  record('GetImageState, nothing attached', await repeated(contest, state(images.directory), short), 1);
  for (const count of [1, 100, 400]) {
    await attachMany(contest, await images.many(count));
    record(
      `GetImageState, ${count} attached, this one`,
      await repeated(contest, state('many0'), count === 1 ? {} : { turns: fewRounds, perRound: 5, warm: 1 }),
      1,
    );
    record(
      `GetImageState, ${count} attached, not this one`,
      await repeated(contest, state(images.directory), count === 1 ? short : { warm: 100 }),
      1,
    );
    if (count === 1) continue;
    record(
      `ListImages, ${count} attached`,
      await repeated(contest, list, { turns: fewRounds, perRound: 3, warm: 1 }),
      count === 400 ? 0.05 : 0.2,
    );
  }
  await attachMany(contest, await images.many(1000));
  await contest.turn('portabled');
  const thousand = median(await samples(contest, list, 5, 1));
  console.log(`ListImages, 1000 attached: ${thousand.toFixed(0)} ms`);
  results.push({
    what: 'ListImages, 1000 attached (seconds)',
    ratio: thousand / 1000,
    limit: 1,
    met: thousand < 1000,
  });
  return results;
}

/** Turns of each daemon. */
const rounds = 5;

/** Calls that take seconds differ less. */
const fewRounds = 3;

/** Calls before those that count: V8 compiles what is called often, and systemd's daemon fills its caches. */
const warmUp = 1000;

/**
 * Half a millisecond, which is the bus's and the kernel's for the most part: the median of few such calls is a tenth
 * off as soon as the machine does anything else.
 */
const short = { turns: 12, perRound: 150, warm: 2000, warmSystemd: 2000 };

/** As many changes take too long; these do for most of it. */
const warmUpPairs = 20;

/** The same call again and again, the daemons in turn. */
async function repeated(
  contest: Contest,
  call: BusCall,
  { turns = rounds, perRound = 25, warm = warmUp, warmSystemd = Math.min(warm, 20) } = {},
): Promise<Times> {
  const times: Times = { systemd: [], portabled: [] };
  for (let round = 0; round < turns; round++) {
    for (const who of ['systemd', 'portabled'] as const) {
      await contest.turn(who);
      // nothing is compiled in systemd's daemon: its caches are full after a few calls
      const before = who === 'systemd' ? warmSystemd : warm;
      times[who].push(...(await samples(contest, call, perRound, before)));
    }
  }
  return times;
}

async function samples(
  contest: Contest,
  call: BusCall,
  count: number,
  warm: number,
): Promise<readonly number[]> {
  for (let i = 0; i < warm; i++) await contest.call(call);
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await contest.time(call));
  return times;
}

async function pairs(contest: Contest, image: string): Promise<Times> {
  const times: Times = { systemd: [], portabled: [] };
  for (let round = 0; round < rounds; round++) {
    for (const who of ['systemd', 'portabled'] as const) {
      await contest.turn(who);
      for (let i = 0; i < warmUpPairs + 8; i++) {
        const both = (await contest.time(attachArgs(image))) + (await contest.time(detachArgs(image)));
        if (i >= warmUpPairs) times[who].push(both);
      }
    }
  }
  return times;
}

async function activations(contest: Contest): Promise<Times> {
  const times: Times = { systemd: [], portabled: [] };
  await contest.call({
    member: 'GetId',
    destination: 'org.freedesktop.DBus',
    path: '/',
    interface: 'org.freedesktop.DBus',
  });
  for (let round = 0; round < rounds; round++) {
    for (const who of ['systemd', 'portabled'] as const) {
      await contest.turn(who);
      for (let i = 0; i < 7; i++) {
        await contest.stop();
        times[who].push(await contest.time(list));
      }
    }
  }
  return times;
}

const attachedSoFar = new WeakMap<Contest, Set<string>>();

async function attachMany(contest: Contest, names: readonly string[]): Promise<void> {
  const attached = attachedSoFar.get(contest) ?? new Set();
  attachedSoFar.set(contest, attached);
  await contest.turn('portabled');
  for (const name of names) {
    if (!attached.has(name)) await contest.call(attachArgs(name));
    attached.add(name);
  }
  await contest.host.check(['systemctl', 'daemon-reload']);
}
