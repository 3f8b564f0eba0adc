/** How long inspecting images of every kind takes: ours against systemd's, which mounts them, and how little of them is read. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import { Budget } from '../../src/disk/budget.ts';
import { openImage } from '../../src/disk/open.ts';
import { readFile } from '../../src/disk/walk.ts';
import type { BusCall } from '../host/bus.ts';
import type { Host } from '../host/host.ts';
import { idleService, packSquashfs, writeImageTree } from '../host/images.ts';
import { writeDisk, type DiskPart } from '../support/disk-images.ts';
import { types } from '../support/partition-tables.ts';
import { median, type Contest, type Contestant } from './contest.ts';
import type { Result } from './report.ts';

/** What was measured, and how many bytes we read of images of two sizes. */
export interface DissectResults {
  readonly speeds: readonly Result[];
  /** By what was inspected. */
  readonly bytesRead: ReadonlyMap<string, { readonly image: number; readonly read: number }>;
}

interface Images {
  /** Paths in the host, by kind. */
  readonly kinds: ReadonlyMap<string, string>;
  readonly small: string;
  readonly large: string;
}

const places = '/srv/dissect';
const limit = 0.1;

export async function dissectSpeeds(contest: Contest): Promise<DissectResults> {
  const { kinds, small: smallImage, large: largeImage } = await writeImages(contest.host);
  const results: Result[] = [];
  for (const [kind, image] of kinds) {
    const { portabled, systemd } = await inTurn(contest, metadata(image));
    results.push(compared(`GetImageMetadata, ${kind}`, portabled, systemd, limit));
  }
  const [small, large] = await alternately(contest, metadata(smallImage), metadata(largeImage));
  results.push(compared('Squashfs of 1 GB against one of 10 MB, both ours', large, small, 2));
  const bytesRead = new Map<string, { image: number; read: number }>();
  const read = async (what: string, image: string): Promise<void> => {
    bytesRead.set(what, await readOf(contest.host.path(image)));
  };
  for (const [kind, image] of kinds) await read(kind, image);
  await read('squashfs of 10 MB', smallImage);
  await read('squashfs of 1 GB', largeImage);
  return { speeds: results, bytesRead };
}

const metadata = (image: string): BusCall => ({
  member: 'GetImageMetadata',
  signature: 'sas',
  body: [image, []],
});

function compared(what: string, ours: readonly number[], theirs: readonly number[], atMost: number): Result {
  const [a, b] = [median(ours), median(theirs)];
  console.log(`${what}: ${a.toFixed(2)} ms, against ${b.toFixed(2)} ms, ratio ${(a / b).toFixed(3)}`);
  return { what, ratio: a / b, limit: atMost, met: a / b <= atMost };
}

/**
 * Writes images into the host: one of each kind that its kernel, and so its systemd, can mount; and two of the same files
 * with a large one more that nobody looks at.
 */
async function writeImages(host: Host): Promise<Images> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'dissect-speeds-'));
  try {
    const kinds = await writeKinds(scratch);
    const [small, large] = [path.join(scratch, 'small.raw'), path.join(scratch, 'large.raw')];
    await writeSized(small, 10);
    await writeSized(large, 1000);
    await host.check(['mkdir', '-p', places]);
    const move = async (file: string): Promise<string> => {
      const inside = path.join(places, path.basename(file));
      await host.copyIn(file, inside);
      await rm(file);
      return inside;
    };
    const moved = new Map<string, string>();
    for (const [kind, file] of kinds) moved.set(kind, await move(file));
    return { kinds: moved, small: await move(small), large: await move(large) };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function writeKinds(directory: string): Promise<ReadonlyMap<string, string>> {
  const tree = path.join(directory, 'tree');
  await writeImageTree(tree, { units: { 'bench.service': idleService, 'bench-two.service': idleService } });
  const kinds = new Map<string, string>();
  const make = async (kind: string, write: (file: string) => unknown): Promise<string> => {
    const file = path.join(directory, `${kind.replaceAll(/[^a-z0-9]+/gi, '-')}.raw`);
    await write(file);
    kinds.set(kind, file);
    return file;
  };
  const compressions = ['gzip', 'xz', 'lz4', 'lzo', 'zstd'] as const;
  let squashfs = '';
  for (const compression of compressions) {
    squashfs = await make(`squashfs ${compression}`, (file) => packSquashfs(tree, file, compression));
  }
  await make('erofs', (file) => execa('mkfs.erofs', [file, tree]));
  await make('erofs lz4', (file) => execa('mkfs.erofs', ['-zlz4hc', file, tree]));
  await make('ext4', (file) => execa('mke2fs', ['-q', '-t', 'ext4', '-d', tree, file, '8M']));
  const root: DiskPart = { type: types.root, content: squashfs };
  await make('squashfs in a GPT', (file) => writeDisk(file, { label: 'gpt', parts: [root] }));
  const active: DiskPart = { type: '83', bootable: true, content: squashfs };
  await make('squashfs in an MBR', (file) => writeDisk(file, { label: 'dos', parts: [active] }));
  return kinds;
}

/** A squashfs of about so many MiB. */
async function writeSized(file: string, mebibytes: number): Promise<void> {
  const tree = `${file}.tree`;
  await writeImageTree(tree, { units: { 'bench.service': idleService } });
  const ballast = path.join(tree, 'ballast');
  await execa('head', ['-c', String(mebibytes * 2 ** 20), '/dev/urandom'], {
    stdout: { file: ballast },
    buffer: false,
  });
  await packSquashfs(tree, file, 'zstd');
  await rm(tree, { recursive: true });
}

const rounds = 3;
/** Calls before those that count: V8 compiles what is called often; systemd's daemon only fills its caches. */
const warmUp: Readonly<Record<Contestant, number>> = { systemd: 5, portabled: 100 };
const perRound = 12;

async function inTurn(contest: Contest, call: BusCall): Promise<Record<Contestant, number[]>> {
  const times: Record<Contestant, number[]> = { systemd: [], portabled: [] };
  for (let round = 0; round < rounds; round++) {
    for (const who of ['systemd', 'portabled'] as const) {
      await contest.turn(who);
      for (let i = 0; i < warmUp[who]; i++) await contest.call(call);
      for (let i = 0; i < perRound; i++) times[who].push(await contest.time(call));
    }
  }
  return times;
}

/** Both calls to our daemon, by turns. */
async function alternately(contest: Contest, a: BusCall, b: BusCall): Promise<readonly [number[], number[]]> {
  await contest.turn('portabled');
  for (let i = 0; i < warmUp.portabled; i++) {
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
async function readOf(file: string): Promise<{ image: number; read: number }> {
  const budget = new Budget(file);
  const opened = await openImage({ path: file, type: 'raw' }, budget);
  try {
    for (const inside of ['/usr/lib/os-release', '/usr/lib/systemd/system/bench.service']) {
      const content = await readFile(opened.tree, inside, 65536, budget);
      if (content === undefined) throw new Error(`${file} lacks ${inside}`);
    }
    const image = opened.parts.reduce((sum, part) => sum + Number(part.size), 0);
    return { image, read: opened.bytesRead };
  } finally {
    await opened.close();
  }
}
