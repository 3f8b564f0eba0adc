/** The client as it is installed, bundled from the sources as they are now, run by tests. */
import { join } from 'node:path';
import { execa } from 'execa';

import { bundle } from '../../src/install/bundle.ts';
import * as programs from '../../src/install/names.ts';
import { scratchDirectory } from './scratch.ts';

export interface ClientResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Bundled {
  /** The words that start the daemon. */
  readonly daemon: readonly [string, ...string[]];
  /** The words that start the client. */
  readonly program: readonly [string, ...string[]];
  /** Runs the client in an empty environment but for `env`. */
  client(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<ClientResult>;
}

/** Bundles the programs. */
export async function bundledPrograms(): Promise<Bundled> {
  const directory = scratchDirectory('bundle');
  await bundle(directory);
  const command = (loader: string): readonly [string, ...string[]] => {
    return [process.execPath, join(directory, loader)];
  };
  const program = command(programs.client.loader);
  const [node, ...start] = program;
  return {
    daemon: command(programs.daemon.loader),
    program,
    client: async (args, env = {}) => {
      const { exitCode, stdout, stderr } = await execa(node, [...start, ...args], {
        env: { PATH: process.env['PATH'], TZ: 'UTC', ...env },
        extendEnv: false,
        reject: false,
        stdin: 'ignore',
        stripFinalNewline: false,
        timeout: 60_000,
      });
      return { code: exitCode ?? -1, stdout, stderr };
    },
  };
}
