/** The terminal of a process: its standard streams. */
import { fstatSync, writeSync } from 'node:fs';
// by their names: the bundle loads node:tty when one of them is used, and for a default import at once
import { isatty, WriteStream } from 'node:tty';

import { errnoOf } from '../base/errors.ts';
import { coloured, plain, wantsColour } from './styles.ts';
import type { Output, Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const [stdin, stdout, stderr] = [0, 1, 2];

/**
 * @param env variables of the process
 * @param readersGone called when nobody reads what is written any more (head(1) in a pipe): the end of the program
 */
export function processTerminal(env: Environment, readersGone: () => void): Terminal {
  return {
    stdout: outputTo(stdout, env, readersGone),
    stderr: outputTo(stderr, env, readersGone),
    canAsk: isTerminal(stdin) && isTerminal(stderr),
  };
}

function outputTo(fd: number, env: Environment, readersGone: () => void): Output {
  const onTerminal = isTerminal(fd);
  return {
    isTerminal: onTerminal,
    canRedraw: onTerminal && env['TERM'] !== 'dumb',
    columns: columnsOf(fd, env, onTerminal),
    styles: wantsColour(env, onTerminal) ? coloured : plain,
    write: (text) => {
      writeAll(fd, text, readersGone);
    },
  };
}

/** Pipes and files are known without node:tty, which takes its time to load. */
function isTerminal(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice() && isatty(fd);
  } catch (error) {
    if (errnoOf(error) === 'EBADF') return false; // closed
    throw error;
  }
}

/** COLUMNS, where somebody set it, else what the terminal says. */
function columnsOf(fd: number, env: Environment, onTerminal: boolean): number | undefined {
  if (!onTerminal) return undefined;
  const set = Number(env['COLUMNS']);
  if (Number.isInteger(set) && set > 0) return set;
  const [columns] = new WriteStream(fd).getWindowSize();
  return columns > 0 ? columns : undefined;
}

/** The stream may be a pipe that is full, and not wait: then we do. */
function writeAll(fd: number, text: string | Uint8Array, readersGone: () => void): void {
  let rest: Uint8Array = typeof text === 'string' ? Buffer.from(text) : text;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if (errnoOf(error) === 'EPIPE') {
        readersGone();
        return;
      }
      if (errnoOf(error) !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
