/** polkit's agent on the terminal: it asks for the password while the daemon waits for polkit. pkttyagent(1). */
import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface Agent {
  stop(): void;
}

/** How long we wait for it, milliseconds. */
const patience = 5000;

/**
 * Starts the agent for this process, and waits until it is there: polkit asks nobody else then. Where it is not
 * installed there is none, and polkit says that it would have to ask.
 */
export async function startPasswordAgent(): Promise<Agent | undefined> {
  const ready = 3;
  const child = spawn('pkttyagent', ['--notify-fd', String(ready), '--fallback'], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const notice = child.stdio[ready] as Readable;
  const there = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => {
      resolve(true);
    }, patience);
    const settle = (started: boolean): void => {
      clearTimeout(timer);
      resolve(started);
    };
    child.once('error', () => {
      settle(false);
    });
    // it closes the descriptor when it is registered
    notice.once('close', () => {
      settle(true);
    });
    notice.resume();
  });
  if (!there) return undefined;
  return {
    stop: () => {
      child.kill('SIGTERM');
    },
  };
}
