/** The process that mounts an image, as the daemon sees it: started, asked, and ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PortableError, quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import { type Operation, type Operations, type Reply, type Request, receivedError } from './protocol.ts';

/** Its memory: a listing's batch and a read's buffer are all that it holds. Its heap ends at this, MiB. */
const heapMiB = 48;

/** How long it may take to end once it is told to, milliseconds; then it is killed. */
const endMs = 2000;

interface Waiting {
  readonly resolve: (gives: Operations[Operation]['gives']) => void;
  readonly reject: (error: Error) => void;
}

/** A process in a mount namespace of its own that answers requests. */
export class Mounter {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #budget: Budget;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #last = 0;
  #said = '';
  /** Why it can no more be asked. */
  #failure: Error | undefined;

  /**
   * @param name what error messages call the image
   * @param descriptor of the image, open for reading; the process gets one of its own
   */
  constructor(name: string, descriptor: number, budget: Budget) {
    this.#name = name;
    this.#budget = budget;
    const node = [...loaderFlags(), `--max-old-space-size=${heapMiB}`, program()];
    const inNamespace = ['--mount', '--propagation', 'private', '--', process.execPath, ...node];
    this.#child = spawn('unshare', inNamespace, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', descriptor],
      serialization: 'advanced',
    });
    const { stderr } = this.#child;
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-1000);
    });
    this.#child.on('message', (message) => this.#receive(message as Reply));
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#fail(this.#startError(error));
        resolve();
      });
      // not "close", which does not come when it was us who closed the channel
      this.#child.on('exit', () => {
        const after = (): void => {
          this.#fail(this.#endError());
          resolve();
        };
        if (stderr === null || stderr.closed) after();
        else stderr.on('close', after);
      });
    });
  }

  /**
   * Asks for something and waits for it, as long as the inspection's time lasts.
   * @throws PortableError of the other side; LimitsExceeded when it does not answer, and is killed for it
   */
  async ask<Op extends Operation>(
    operation: Op,
    takes: Operations[Op]['takes'],
  ): Promise<Operations[Op]['gives']> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#last;
    const request = { id, operation, takes } as Request;
    const timer = setTimeout(() => this.#timeOut(), Math.max(0, this.#budget.remainingMs));
    try {
      return await new Promise<Operations[Op]['gives']>((resolve, reject) => {
        this.#waiting.set(id, { resolve: resolve, reject });
        // what is wrong with the process, its end tells
        this.#child.send(request, () => undefined);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Ends it, and with it the mount. Safe to call twice. */
  async end(): Promise<void> {
    this.#failure ??= new Error(`${quoted(this.#name)} is used after it was closed`);
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    if ('error' in reply) waiting?.reject(receivedError(reply.error));
    else waiting?.resolve(reply.gives);
  }

  #timeOut(): void {
    this.#fail(this.#budget.exceeded(`reading it took longer than ${this.#budget.limits.wallTimeMs} ms`));
    this.#child.kill('SIGKILL');
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
  }

  #startError(cause: Error): PortableError {
    return new PortableError('NotSupported', `cannot mount ${quoted(this.#name)}: ${cause.message}`, {
      file: this.#name,
      hint: 'unshare(1) is part of util-linux',
      cause,
    });
  }

  #endError(): PortableError {
    const said = this.#said.trim().split('\n')[0] ?? '';
    const { exitCode, signalCode } = this.#child;
    const how = said === '' ? `it ended with ${signalCode ?? `status ${String(exitCode)}`}` : said;
    const denied = said.includes('Operation not permitted');
    return new PortableError(
      denied ? 'AccessDenied' : 'Failed',
      `the process that mounts ${quoted(this.#name)} failed: ${how}`,
      { file: this.#name, hint: denied ? 'CAP_SYS_ADMIN is needed' : undefined },
    );
  }
}

/** What runs in it: in the installed bundle, the npm package, or the sources. */
function program(): string {
  const names = ['kernel-reader.cjs', 'server.js', 'server.ts'];
  const found = names.map((name) => join(import.meta.dirname, name)).find((file) => existsSync(file));
  if (found === undefined) throw new Error(`none of ${names.join(', ')} is in ${import.meta.dirname}`);
  return found;
}

/** From the sources, it needs what made Node run us from TypeScript. */
function loaderFlags(): readonly string[] {
  return program().endsWith('.ts') ? process.execArgv : [];
}
