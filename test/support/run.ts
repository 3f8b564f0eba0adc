/** Running a program in a test, to the end, without a shell. */
import { execFileSync } from 'node:child_process';

/** @returns standard output @throws when it fails, with what it said */
export function runSync(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
}
