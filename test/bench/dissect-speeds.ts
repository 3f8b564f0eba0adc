/** How long inspecting images of every kind takes: ours against systemd's, which mounts them, and how little of them is read. */
import { Budget } from '../../src/disk/budget.ts';
import { openImage } from '../../src/disk/open.ts';
import { readFile } from '../../src/disk/walk.ts';
import type { BusCall } from '../host/bus.ts';
import { median, type Contest, type Contestant } from './contest.ts';
import { writeInspectionImages } from './inspection-images.ts';
import type { Result } from './report.ts';

/** What was measured, and how many bytes we read of each image. */
export interface DissectResults {
  readonly speeds: readonly Result[];
  /** A squashfs of 1 GB against one of 10 MB: time, and bytes read. */
  readonly sizes: readonly Result[];
  /** By what was inspected; of what the kernel reads for us, nobody counts the bytes. */
  readonly bytesRead: ReadonlyMap<string, BytesRead>;
}

interface BytesRead {
  /** Bytes of the file. */
  readonly image: number;
  readonly read: number;
}

/** What we promise: a tenth of systemd's time, and at most twice as much for an image a hundred times as large. */
const limits = { speed: 0.1, size: 2 } as const;

export async function dissectSpeeds(contest: Contest): Promise<DissectResults> {
  const { kinds, small, large } = await writeInspectionImages(contest.host);
  const times = await inTurn(contest, [...kinds.values()].map(metadata));
  const speeds = [...kinds.keys()].map((kind, i) =>
    compared(`GetImageMetadata, ${kind}`, [times.portabled[i] ?? [], times.systemd[i] ?? []], limits.speed),
  );
  const [ofSmall, ofLarge] = await alternately(contest, metadata(small), metadata(large));
  const files = [...kinds, ['squashfs of 10 MB', small], ['squashfs of 1 GB', large]] as const;
  const bytesRead = new Map<string, BytesRead>();
  for (const [what, image] of files) bytesRead.set(what, await readOf(contest.host.path(image)));
  const bytesOf = (what: string): number => bytesRead.get(what)?.read ?? Number.NaN;
  const sizes = [
    compared('Time', [ofLarge, ofSmall], limits.size),
    result('Bytes read', bytesOf('squashfs of 1 GB') / bytesOf('squashfs of 10 MB'), limits.size),
  ];
  return { speeds, sizes, bytesRead };
}

const metadata = (image: string): BusCall => ({
  member: 'GetImageMetadata',
  signature: 'sas',
  body: [image, []],
});

function compared(
  what: string,
  times: readonly [readonly number[], readonly number[]],
  limit: number,
): Result {
  const [a, b] = [median(times[0]), median(times[1])];
  console.log(`${what}: ${a.toFixed(2)} ms, against ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(3)}`);
  return result(what, a / b, limit);
}

function result(what: string, ratio: number, limit: number): Result {
  return { what, ratio, limit, met: ratio <= limit };
}

const rounds = 3;
/** Calls before those that count: V8 compiles what is called often; systemd's daemon only fills its caches. */
const warmUp: Readonly<Record<Contestant, number>> = { systemd: 3, portabled: 60 };
const perRound = 10;

/** Milliseconds of each call, the daemons in turn, each for all calls. */
async function inTurn(contest: Contest, calls: readonly BusCall[]): Promise<Record<Contestant, number[][]>> {
  const times = { systemd: calls.map((): number[] => []), portabled: calls.map((): number[] => []) };
  for (let round = 0; round < rounds; round++) {
    for (const who of ['systemd', 'portabled'] as const) {
      await contest.turn(who);
      for (const [i, call] of calls.entries()) {
        await warm(contest, call, warmUp[who]);
        for (let n = 0; n < perRound; n++) times[who][i]?.push(await contest.time(call));
      }
    }
  }
  return times;
}

/** So many calls, or as many as a second has room for: what starts a process does not get faster by repetition. */
async function warm(contest: Contest, call: BusCall, count: number): Promise<void> {
  const started = performance.now();
  for (let n = 0; n < count && performance.now() - started < 1000; n++) await contest.call(call);
}

/** Both calls to our daemon, by turns. */
async function alternately(contest: Contest, a: BusCall, b: BusCall): Promise<readonly [number[], number[]]> {
  await contest.turn('portabled');
  for (let i = 0; i < 2 * warmUp.portabled; i++) {
    await contest.call(a);
    await contest.call(b);
  }
  const times: readonly [number[], number[]] = [[], []];
  for (let i = 0; i < rounds * perRound; i++) {
    times[0].push(await contest.time(a));
    times[1].push(await contest.time(b));
  }
  return times;
}

/** Bytes of the image's file that are read to learn what it is, its os-release and a unit. */
async function readOf(file: string): Promise<BytesRead> {
  const budget = new Budget(file);
  const opened = await openImage({ path: file, type: 'raw' }, budget);
  try {
    for (const inside of ['/usr/lib/os-release', '/usr/lib/systemd/system/bench.service']) {
      const content = await readFile(opened.tree, inside, 65536, budget);
      if (content === undefined) throw new Error(`${file} lacks ${inside}`);
    }
    return { image: Number(opened.size), read: opened.bytesRead };
  } finally {
    await opened.close();
  }
}
