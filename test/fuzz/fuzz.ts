/**
 * Runs a reader over mutated images. Whatever the bytes: the only exceptions are PortableErrors, every case ends
 * within its time and memory, and what the reader returns keeps the promises of the tree interface.
 */
import { PortableError } from '../../src/base/errors.ts';
import { Budget, defaultLimits } from '../../src/disk/budget.ts';
import { memorySource } from '../../src/disk/source.ts';
import type { BlockSource } from '../../src/disk/source.ts';
import type { FileTree, TreeNode } from '../../src/disk/tree.ts';
import { Random } from '../support/random.ts';
import { mutate } from './mutate.ts';
import type { BaseImage } from './mutate.ts';

/** A reader to be fuzzed; registered in targets.ts. */
export interface FuzzTarget {
  readonly name: string;
  /** Small images (a few KiB to 100 KiB), made once per run; deterministic. */
  images(): Promise<readonly BaseImage[]>;
  open(source: BlockSource, budget: Budget): Promise<FileTree>;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Cases first ≤ n < end. */
  readonly first: number;
  readonly end: number;
  /** Called after each case. */
  readonly onCase?: (number: number) => void;
}

export interface FuzzReport {
  cases: number;
  /** Cases in which the tree could be opened; and read to the end without a refusal. */
  opened: number;
  intact: number;
  /** Error code → how often it ended something. */
  refusals: Record<string, number>;
  slowestMs: number;
  slowestCase: number;
  failures: FuzzFailure[];
}

export interface FuzzFailure {
  readonly case: number;
  readonly image: string;
  readonly problem: string;
}

/**
 * No case may take longer; a second is the requirement for a hostile image. This is processor time: the machine
 * may be busy with other things. A case that waits for ever is seen by the parent process (run.ts).
 */
const maxCaseMs = 1000;
/** No case may hold more beyond its image. */
const maxCaseBytes = 32 * 1024 * 1024;
/** No single read may ask for more. */
const maxReadBytes = 4 * 1024 * 1024;
/** Nodes looked at in one case, and bytes read of each file at its start and its end. */
const maxNodes = 400;
const readBytes = 64 * 1024;

const limits = { ...defaultLimits, directoryEntries: 4000, metadataBlocks: 2000, wallTimeMs: 800 };

/** Runs the cases; failures are in the report, nothing is thrown for them. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const images = await target.images();
  const report: FuzzReport = {
    cases: 0,
    opened: 0,
    intact: 0,
    refusals: {},
    slowestMs: 0,
    slowestCase: -1,
    failures: [],
  };
  for (let number = options.first; number < options.end; number++) {
    await runCase(target, images, options.seed, number, report);
    options.onCase?.(number);
  }
  return report;
}

/** The image of one case: the same for the same seed and number. */
export function caseImage(
  images: readonly BaseImage[],
  seed: number,
  number: number,
): { readonly base: BaseImage; readonly bytes: Buffer } {
  const random = new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b)) >>> 0);
  const base = random.pick(images);
  return { base, bytes: mutate(base, random) };
}

async function runCase(
  target: FuzzTarget,
  images: readonly BaseImage[],
  seed: number,
  number: number,
  report: FuzzReport,
): Promise<void> {
  const { base, bytes } = caseImage(images, seed, number);
  const fail = (problem: string) => report.failures.push({ case: number, image: base.name, problem });
  const memoryBefore = process.memoryUsage().arrayBuffers;
  const start = process.cpuUsage();
  try {
    await readEverything(target, bytes, report);
  } catch (error) {
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const spent = process.cpuUsage(start);
  const ms = (spent.user + spent.system) / 1000;
  const memory = process.memoryUsage().arrayBuffers - memoryBefore;
  report.cases++;
  if (ms > report.slowestMs) {
    report.slowestMs = ms;
    report.slowestCase = number;
  }
  if (ms > maxCaseMs) fail(`took ${ms.toFixed(0)} ms`);
  if (memory > maxCaseBytes) fail(`holds ${memory} bytes`);
}

/** Opens the image and reads all there is. @throws anything but a PortableError: a defect of the reader */
async function readEverything(target: FuzzTarget, bytes: Buffer, report: FuzzReport): Promise<void> {
  const budget = new Budget('fuzz', limits);
  const outcome = { refused: false };
  /** Runs a step; a refusal ends the step, not the case. */
  const attempt = async <T>(step: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof PortableError)) throw error;
      outcome.refused = true;
      report.refusals[error.code] = (report.refusals[error.code] ?? 0) + 1;
      return undefined;
    }
  };
  const tree = await attempt(() => target.open(watchedSource(bytes), budget));
  if (tree === undefined) return;
  report.opened++;
  const root = await attempt(() => tree.root());
  const waiting: TreeNode[] = root === undefined ? [] : [root];
  for (let seen = 0; seen < maxNodes; seen++) {
    const node = waiting.pop();
    if (node === undefined) break;
    await readNode(node, attempt, waiting);
    await node.close();
  }
  for (const node of waiting) await node.close();
  await tree.close();
  if (!outcome.refused) report.intact++;
}

type Attempt = <T>(step: () => Promise<T>) => Promise<T | undefined>;

async function readNode(node: TreeNode, attempt: Attempt, waiting: TreeNode[]): Promise<void> {
  const { stat } = node;
  check(stat.size >= 0n && stat.size < 2n ** 64n, `size ${stat.size}`);
  check(Number.isInteger(stat.mode) && stat.mode >= 0 && stat.mode <= 0o7777, `mode ${stat.mode}`);
  check(stat.uid >= 0 && stat.gid >= 0 && stat.links >= 0, 'negative owner or link count');
  await attempt(() => node.xattrs());
  if (stat.kind === 'symlink') await attempt(() => node.readlink());
  if (stat.kind === 'file') {
    await attempt(() => readPart(node, 0n));
    if (stat.size > readBytes) await attempt(() => readPart(node, stat.size - BigInt(readBytes)));
    await attempt(() => readPart(node, stat.size / 2n));
  }
  if (stat.kind !== 'directory') return;
  await attempt(async () => {
    let previous: Buffer | undefined;
    for await (const entry of node.entries()) {
      checkName(entry.name);
      if (waiting.length >= maxNodes) continue;
      const child = await attempt(() => node.lookup(entry.name));
      if (child !== undefined) waiting.push(child);
      previous = entry.name;
    }
    // a name that is not there
    if (previous !== undefined) {
      const absent = Buffer.concat([previous.subarray(0, 200), Buffer.from('\u0001')]);
      await (await node.lookup(absent))?.close();
    }
  });
}

async function readPart(node: TreeNode, offset: bigint): Promise<void> {
  const bytes = await node.read(offset, readBytes);
  const left = node.stat.size - offset;
  const expected = left < BigInt(readBytes) ? Number(left) : readBytes;
  check(bytes.length === expected, `read gave ${bytes.length} of ${expected} bytes`);
}

function checkName(name: Buffer): void {
  const text = name.toString('latin1');
  check(name.length > 0 && text !== '.' && text !== '..', `name ${JSON.stringify(text)}`);
  check(!name.includes(0) && !name.includes(0x2f), `name ${JSON.stringify(text)}`);
}

/** A broken promise of the reader. */
function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`promise broken: ${what}`);
}

/** The image; a read that is absurd in itself is the reader's defect. Reads beyond the end are refused by the source. */
function watchedSource(bytes: Buffer): BlockSource {
  const source = memorySource(bytes, 'fuzz');
  return {
    ...source,
    get bytesRead() {
      return source.bytesRead;
    },
    read(offset, length) {
      check(Number.isSafeInteger(length) && length >= 0, `a read of ${length} bytes`);
      check(length <= maxReadBytes, `a read of ${length} bytes at once`);
      return source.read(offset, length);
    },
  };
}
