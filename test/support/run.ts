/** Running a program in a test, to the end, without a shell. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** @returns standard output @throws when it fails, with what it said */
export function runSync(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): string {
  const stdin = options.input === undefined ? 'ignore' : 'pipe';
  return execFileSync(program, args, { encoding: 'utf8', stdio: [stdin, 'pipe', 'pipe'], ...options });
}

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** As runSync, for programs that may fail. */
export function tryRunSync(program: string, args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  return { status, stdout, stderr };
}

/** Where a program is. @throws when it is not installed */
export function findProgram(name: string): string {
  const directories = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  const found = directories.map((directory) => path.join(directory, name)).find((each) => existsSync(each));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}
