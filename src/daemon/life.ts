/**
 * The life of the daemon on the bus: it owns the name and serves until it is told to go, has been idle for long
 * enough, or loses the bus; then it leaves without losing a message.
 */
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { IdleWatch } from './idle.ts';
import type { StopSignal } from './signals.ts';

/** What the life needs of the connection to the bus. */
export interface LifeBus {
  /** Whether we own the name now. */
  requestName(name: string): Promise<boolean>;
  /** Messages sent to the name before still arrive. */
  releaseName(name: string): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Resolves when the connection has ended: with the reason unless it was us. */
  readonly closed: Promise<Error | undefined>;
}

/** What it needs of the service behind the name. */
export interface LifeService {
  /** A call is being answered, an operation runs, or somebody is being asked. */
  busy(): boolean;
  /** Called at every call that comes in, and when one ends. */
  onActivity(listener: () => void): void;
  /** No new operations; calls that only wait to be allowed end. Resolves when everything has been answered. */
  stop(): Promise<void>;
  /** Resolves when everything that was asked has been answered; questions to people are waited for. */
  settled(): Promise<void>;
}

export interface Life {
  readonly bus: LifeBus;
  readonly service: LifeService;
  readonly name: string;
  readonly idleTimeoutMs: number;
  readonly stop: StopSignal;
  readonly log: Log;
}

/** Why the daemon leaves. */
type Reason = 'idle' | 'told' | 'lost';

/**
 * Serves until it is time to go, and goes.
 * @returns the exit code: 0 when idle or told to stop, 1 when the name was taken or the bus went away
 */
export async function live(life: Life): Promise<number> {
  const { bus, service, name, log } = life;
  if (!(await bus.requestName(name))) {
    log.error(`another process serves ${name} already`);
    await bus.close();
    return 1;
  }
  log.debug(`serving ${name}`);
  const reason = await reasonToGo(life);
  if (reason === 'lost') {
    log.error(`lost the connection to the bus: ${messageOf(await bus.closed)}; finishing what is under way`);
    await service.stop();
    return 1;
  }
  log.debug(reason === 'idle' ? 'idle, exiting' : 'told to stop, finishing what is under way');
  return await leave(life, reason);
}

async function reasonToGo({ bus, service, idleTimeoutMs, stop }: Life): Promise<Reason> {
  let idle: IdleWatch | undefined;
  const idled = new Promise<Reason>((resolve) => {
    const onIdle = (): void => {
      resolve('idle');
    };
    idle = new IdleWatch({ timeoutMs: idleTimeoutMs, busy: () => service.busy(), onIdle });
    service.onActivity(() => idle?.active());
  });
  const told = stop.received.then((): Reason => 'told');
  const lost = bus.closed.then((): Reason => 'lost');
  try {
    return await Promise.race([told, lost, idled]);
  } finally {
    idle?.stop();
  }
}

/**
 * Gives the name back first: from then on the bus keeps calls to it for our successor, which the service manager
 * starts when we are gone. Calls from before were delivered ahead of the answer to that, so they are known by now.
 * They are answered, and the answers handed to the kernel, before we close.
 */
async function leave({ bus, service, name, log }: Life, reason: Reason): Promise<number> {
  try {
    await bus.releaseName(name);
    await (reason === 'told' ? service.stop() : service.settled());
    await bus.flush();
    await bus.close();
    return 0;
  } catch (error) {
    log.error(`cannot leave the bus in good order: ${messageOf(error)}`);
    await service.stop();
    return 1;
  }
}
