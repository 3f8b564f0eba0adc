/**
 * Tells the service manager that we are alive: sd_watchdog_enabled(3), sd_notify(3). The message goes through
 * systemd-notify(1), as Node cannot speak to the notification socket. What proves us alive is that the timer fires: a
 * wedged event loop sends nothing, and the service manager restarts us.
 */
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** The variables the service manager sets. */
export interface WatchdogEnvironment {
  readonly NOTIFY_SOCKET?: string | undefined;
  readonly WATCHDOG_USEC?: string | undefined;
  readonly WATCHDOG_PID?: string | undefined;
}

/**
 * How often to send a sign of life: half of what the service manager allows.
 * @returns milliseconds, or undefined when nobody expects any from the process `pid`
 */
export function watchdogInterval(env: WatchdogEnvironment, pid: number): number | undefined {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: usec, WATCHDOG_PID: forPid } = env;
  if (socket === undefined || usec === undefined || !/^\d{1,15}$/.test(usec) || Number(usec) === 0)
    return undefined;
  if (forPid !== undefined && forPid !== String(pid)) return undefined;
  return Number(usec) / 1000 / 2;
}

/**
 * Sends signs of life until stopped. The timer does not keep the process alive.
 * @param send sends one; its failures are logged, and the next one is tried all the same
 * @returns stops it
 */
export function startWatchdog(
  intervalMs: number,
  log: Log,
  send: () => Promise<void> = notifyWatchdog,
): () => void {
  let sending = false;
  const timer = setInterval(() => {
    if (sending) return;
    sending = true;
    void send()
      .catch((error: unknown) => {
        log.warning(`cannot tell the service manager that we are alive: ${messageOf(error)}`);
      })
      .finally(() => {
        sending = false;
      });
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}

async function notifyWatchdog(): Promise<void> {
  const { execa } = await import('execa');
  await execa('systemd-notify', ['WATCHDOG=1'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: notifyTimeoutMs,
  });
}

/** systemd-notify waits until the manager has read the message; a manager that does not is not ours to wait for. */
const notifyTimeoutMs = 30_000;
