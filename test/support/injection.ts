/** Runs a driver process under strace(1), which kills it at, or fails, any system call we choose. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { build } from 'esbuild';
import type { DriverRequest, DriverResult } from './transaction-driver.ts';

/** System calls that change something; those of cp(1) and rm(1), which copy and remove trees, among them. */
export const changingCalls = [
  'openat',
  'pwrite64',
  'fchmod',
  'chmod',
  'symlink',
  'symlinkat',
  'link',
  'mkdir',
  'mkdirat',
  'rename',
  'unlink',
  'unlinkat',
  'rmdir',
].join(',');

/** System calls that only look. */
export const lookingCalls = 'statx,getdents64,statfs,readlink';

/** One of the system calls that a process makes. */
export interface CallSite {
  readonly call: string;
  /** 1 for the first of that name in its thread. */
  readonly nth: number;
}

/** What strace does to a call and, with `onwards`, to all later ones of that name: see "Tampering" in strace(1). */
export interface Injection extends CallSite {
  /** "signal=SIGKILL", "error=EIO" */
  readonly action: string;
  readonly onwards?: boolean;
}

/** Bundles the driver into `directory`, so that it starts as fast as Node can. */
export async function buildDriver(directory: string): Promise<string> {
  const outfile = path.join(directory, 'driver.cjs');
  await build({
    entryPoints: [path.join(import.meta.dirname, 'transaction-driver.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

export class Driver {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
    this.#ended = once(child, 'exit');
  }

  static async start(bundle: string): Promise<Driver> {
    const child = spawn(process.execPath, [bundle], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, UV_THREADPOOL_SIZE: '1' }, // strace counts calls by thread
    });
    const lines = createInterface({ input: child.stdout });
    await once(lines, 'line');
    return new Driver(child, lines);
  }

  /** @returns undefined when the process was killed */
  async run(request: DriverRequest, injection?: Injection): Promise<DriverResult | undefined> {
    if (injection === undefined) return await this.#send(request);
    const { call, nth, action, onwards = false } = injection;
    const when = `${nth}${onwards ? '+' : ''}`;
    const strace = await this.#trace([
      '-o',
      '/dev/null',
      `--trace=${call}`,
      `--inject=${call}:${action}:when=${when}`,
    ]);
    const result = await this.#send(request);
    await strace.detach();
    return result;
  }

  /**
   * Runs a request and notes the calls it makes, in order, of the driver and the tools it starts.
   * @param log where strace may write
   */
  async callSites(request: DriverRequest, calls: string, log: string): Promise<readonly CallSite[]> {
    const strace = await this.#trace(['-o', log, `--trace=${calls}`]);
    await this.#send(request);
    await strace.detach();
    const counts = new Map<string, number>();
    const sites = new Map<string, CallSite>();
    for (const [line, thread = '', call = ''] of readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\(.*/gm)) {
      const nth = (counts.get(thread + call) ?? 0) + 1;
      counts.set(thread + call, nth);
      // libraries that tools load, and the like, are not what this is about
      if (!line.includes('"/') || line.includes(request.root)) sites.set(`${call} ${nth}`, { call, nth });
    }
    return [...sites.values()];
  }

  async stop(): Promise<void> {
    this.#child.stdin?.end();
    await this.#ended;
  }

  async #send(request: DriverRequest): Promise<DriverResult | undefined> {
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    const answer = once(this.#lines, 'line').then(([line]) => JSON.parse(line as string) as DriverResult);
    return await Promise.race([answer, this.#ended.then(() => undefined)]);
  }

  async #trace(args: readonly string[]): Promise<{ detach: () => Promise<void> }> {
    const strace = spawn('strace', ['-f', '-p', String(this.#child.pid), ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(strace, 'exit');
    let said = '';
    await new Promise<void>((resolve, reject) => {
      strace.stderr.on('data', (data: Buffer) => {
        said += data.toString();
        if (said.includes('attached')) resolve();
      });
      strace.on('exit', () => reject(new Error(`strace: ${said}`)));
      strace.on('error', reject);
    });
    return {
      detach: async () => {
        strace.kill('SIGINT');
        await ended;
      },
    };
  }
}
