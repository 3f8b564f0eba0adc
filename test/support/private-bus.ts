/** A message bus of a test's own: a real dbus-daemon with a policy that lets everybody do everything, or as given. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { promisify } from 'node:util';
import { scratchDirectory } from './scratch.ts';

const run = promisify(execFile);

export interface PrivateBus {
  readonly address: string;
  /** Its configuration and socket are here; everybody may look into it. */
  readonly directory: string;
  /** Ends the daemon at once. */
  kill(): Promise<void>;
}

const everythingAllowed = `<policy context="default">
    <allow user="*"/><allow own="*"/><allow eavesdrop="true"/>
    <allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
  </policy>`;

/**
 * Starts a bus that ends with the suite.
 * @param configuration elements of its configuration (dbus-daemon(1)) besides type, address and authentication
 */
export async function startBus(configuration = everythingAllowed): Promise<PrivateBus> {
  const directory = scratchDirectory('bus');
  chmodSync(directory, 0o755);
  const config = join(directory, 'bus.conf');
  writeFileSync(
    config,
    `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${directory}/socket</listen>
  <auth>EXTERNAL</auth>
  ${configuration}
</busconfig>
`,
  );
  const daemon = spawn(
    'dbus-daemon',
    [`--config-file=${config}`, '--nofork', '--nosyslog', '--print-address'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  const kill = (): Promise<void> => {
    daemon.kill('SIGKILL');
    return ended;
  };
  after(kill);
  for await (const address of createInterface(daemon.stdout)) return { address, directory, kill };
  throw new Error('dbus-daemon did not start');
}

/** Runs `command` as another user: 65534 is nobody. @returns standard output */
export async function runAs(
  uid: number,
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const args = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', ...command];
  return (await run('setpriv', args, { env: { PATH: process.env['PATH'], ...env }, maxBuffer: 1 << 26 }))
    .stdout;
}

/** What busctl(1) prints as JSON for a call: `{ type, data }`. @throws with its message, which names the error */
export async function busctl(
  bus: PrivateBus,
  args: readonly string[],
): Promise<{ type: string; data: unknown }> {
  const { stdout } = await run('busctl', [`--address=${bus.address}`, '--json=short', ...args], {
    maxBuffer: 1 << 26,
  });
  return stdout === '' ? { type: '', data: [] } : (JSON.parse(stdout) as { type: string; data: unknown });
}
