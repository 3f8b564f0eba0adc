/** A bus behind a program: what we write is its standard input, its standard output is what we read. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

import { disconnected } from './bus-error.ts';

/** The stream ends when the program does. What it says on standard error goes to ours. */
export function programStream([program, ...args]: readonly [string, ...string[]]): Duplex {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.once('error', (error) => {
    stream.destroy(disconnected(`cannot run ${program}: ${error.message}`, error));
  });
  child.once('close', (code, signal) => {
    stream.destroy(disconnected(`${program} ended with ${signal ?? `status ${String(code)}`}`));
  });
  stream.once('close', () => child.kill());
  return stream;
}
