/**
 * Inspects images in a process of its own, and prints for each what came of it, how long it took and by how much the
 * process grew. Arguments: a harmless image to warm up with, then the images to measure.
 */
import { inspect } from '../../src/portable/inspect.ts';
import { PortableError } from '../../src/base/errors.ts';
import { inspectionContext } from './inspection-context.ts';

/** One line of output. */
export interface Measured {
  readonly image: string;
  /** Units found, or undefined when it failed. */
  readonly units?: readonly string[];
  readonly error?: string;
  readonly message?: string;
  /** Processor time, milliseconds: what a busy machine does not change. */
  readonly ms: number;
  /** Wall time, milliseconds. */
  readonly wallMs: number;
  /** Growth of the peak resident set over what it was before, bytes. */
  readonly grown: number;
}

const [warmUp = '', ...images] = process.argv.slice(2);
await measure(warmUp);
for (const image of images) console.log(JSON.stringify(await measure(image)));

async function measure(image: string): Promise<Measured> {
  const before = process.resourceUsage().maxRSS;
  const started = performance.now();
  const cpu = process.cpuUsage();
  const outcome = await inspect(inspectionContext, {
    image,
    extensions: [],
    matches: [],
    forceExtension: false,
  }).then(
    ({ units }) => ({ units: [...units.keys()] }),
    (error: unknown) => {
      if (!(error instanceof PortableError)) throw error;
      return { error: error.code, message: error.describe() };
    },
  );
  const { user, system } = process.cpuUsage(cpu);
  const wallMs = performance.now() - started;
  return {
    image,
    ...outcome,
    ms: (user + system) / 1000,
    wallMs,
    grown: (process.resourceUsage().maxRSS - before) * 1024,
  };
}
