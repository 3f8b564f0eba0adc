/** A caller of another user, in a process of its own that the test steers. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { scratchDirectory } from './scratch.ts';

const program = fileURLToPath(new URL('./unprivileged-caller-program.ts', import.meta.url));

/** What the program is told. */
export type Order =
  /** Registers as the authentication agent of this very process. */
  | { readonly kind: 'register-agent' }
  | {
      readonly kind: 'call';
      readonly destination: string;
      readonly path: string;
      readonly interface: string;
      readonly member: string;
      readonly signature: string;
      readonly args: readonly unknown[];
      readonly interactive: boolean;
    }
  /** Closes the connection that calls were made on; the agent stays. */
  | { readonly kind: 'leave' };

/** What it tells. */
export type Told =
  | { readonly kind: 'ready' | 'registered' | 'left' | 'agent-asked' | 'agent-cancelled' }
  | { readonly kind: 'answered'; readonly error: string | undefined };

export interface UnprivilegedCaller {
  order(order: Order): void;
  /** Waits for the next thing of this kind that it tells. */
  told<K extends Told['kind']>(kind: K): Promise<Extract<Told, { kind: K }>>;
  /** The error name of the reply to a call, undefined when it went well. */
  call(call: Omit<Extract<Order, { kind: 'call' }>, 'kind'>): Promise<string | undefined>;
  kill(): void;
}

export async function startCaller(address: string, uid: number): Promise<UnprivilegedCaller> {
  const child = fork(readableByAll(), [address, String(uid)], { uid, gid: uid, serialization: 'advanced' });
  after(() => child.kill('SIGKILL'));
  const told: Told[] = [];
  child.on('message', (message: Told) => {
    told.push(message);
    child.emit('told');
  });
  const caller: UnprivilegedCaller = {
    order: (order) => child.send(order),
    told: async (kind) => {
      for (;;) {
        const at = told.findIndex((one) => one.kind === kind);
        if (at >= 0) return told.splice(at, 1)[0] as never;
        await once(child, 'told', { signal: AbortSignal.timeout(20_000) });
      }
    },
    call: async (call) => {
      caller.order({ kind: 'call', ...call });
      return (await caller.told('answered')).error;
    },
    kill: () => killHard(child),
  };
  await caller.told('ready');
  return caller;
}

/** The program in one file for users who may not look into the checkout. */
function readableByAll(): string {
  const directory = scratchDirectory('caller');
  chmodSync(directory, 0o755);
  const outfile = join(directory, 'program.mjs');
  // dbus-next requires what it needs
  const require = `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`;
  buildSync({
    entryPoints: [program],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: require },
  });
  return outfile;
}

function killHard(child: ChildProcess): void {
  child.kill('SIGKILL');
}
