/** A bus behind a program: what we write is its standard input, its standard output is what we read. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

import { disconnected } from './bus-error.ts';

/** The stream ends when the program does, and tells how that ended. What it says on standard error goes to ours. */
export function programStream([program, ...args]: readonly [string, ...string[]]): Duplex {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const stream = new Duplex({
    read: () => void child.stdout.resume(),
    // that nobody reads it any more is no news: how the program ended is
    write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
    final: (done) => void child.stdin.end(() => done()),
  });
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (data) => {
    if (!stream.push(data)) child.stdout.pause();
  });
  child.once('error', (error) => {
    stream.destroy(disconnected(`cannot run ${program}: ${error.message}`, error));
  });
  child.once('close', (code, signal) => {
    stream.destroy(disconnected(`${program} ended with ${signal ?? `status ${String(code)}`}`));
  });
  stream.once('close', () => child.kill());
  return stream;
}
