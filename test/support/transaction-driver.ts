/**
 * A process that carries out transactions, or recovers, to be killed or failed on the way. Each line of its standard
 * input is a request, each line it prints a result; the first line says that it is ready.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { PortableError } from '../../src/base/errors.ts';
import { apply } from '../../src/transaction/apply.ts';
import { recover } from '../../src/transaction/recover.ts';
import { environment, scenarios } from './transaction-host.ts';

export interface DriverRequest {
  readonly root: string;
  /** Carries out the plan of this scenario; without, recovers. */
  readonly scenario?: string;
}

export interface DriverResult {
  /** Of a plan: the steps done. */
  readonly done?: readonly string[];
  /** Of recovery: the outcomes. */
  readonly outcomes?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function run({ root, scenario }: DriverRequest): Promise<DriverResult> {
  try {
    const env = environment(root);
    if (scenario === undefined) return { outcomes: (await recover(env)).map(({ outcome }) => outcome) };
    const plan = scenarios[scenario]?.plan;
    if (plan === undefined) throw new Error(`no scenario "${scenario}"`);
    return { done: (await apply(plan, env)).map(({ step }) => `${step.kind} ${step.path}`) };
  } catch (error) {
    if (!(error instanceof PortableError)) throw error;
    return { error: { code: error.code, message: error.describe() } };
  }
}

function print(line: unknown): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

createInterface({ input: process.stdin }).on('line', (line) => {
  void run(JSON.parse(line) as DriverRequest).then(print);
});
print('ready');
