/**
 * The life of the daemon on the bus: it owns the name and serves until it is told to go, has been idle for long
 * enough, or loses the bus; then it leaves without losing a message.
 */
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { IdleWatch } from './idle.ts';

/** What the life needs of the connection to the bus. */
export interface LifeBus {
  /** Whether we own the name now. */
  requestName(name: string): Promise<boolean>;
  /** Messages sent to the name before still arrive, ahead of this being resolved. */
  releaseName(name: string): Promise<void>;
  /** Resolves when everything sent has been handed to the kernel. */
  flush(): Promise<void>;
  close(): Promise<void>;
  /** Resolves when the connection has ended: with the reason, unless it was close(). */
  readonly closed: Promise<Error | undefined>;
}

/** What it needs of the service behind the name. */
export interface LifeService {
  /** Calls that are not answered yet. */
  readonly busy: number;
  /** Resolves when no call is left. */
  drained(): Promise<void>;
}

export interface Life {
  readonly bus: LifeBus;
  readonly service: LifeService;
  readonly name: string;
  readonly idle: IdleWatch;
  /** Resolves when we are told to stop. */
  readonly told: Promise<unknown>;
  /** From now on nothing new may begin, and whoever still waits to be allowed something has waited enough. */
  readonly refuse: () => void;
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
  if (reason !== 'lost') return await leave(life, reason);
  log.error(`lost the bus (${messageOf(await bus.closed)}), finishing what is under way`);
  life.refuse();
  await service.drained();
  return 1;
}

async function reasonToGo({ bus, service, idle, told }: Life): Promise<Reason> {
  const reasons = [
    told.then((): Reason => 'told'),
    bus.closed.then((): Reason => 'lost'),
    idle.idle(() => service.busy > 0).then((): Reason => 'idle'),
  ];
  try {
    return await Promise.race(reasons);
  } finally {
    idle.stop();
  }
}

/**
 * Gives the name back first: from then on the bus keeps calls to it for our successor, which it starts when we are
 * gone. Calls from before have been delivered when the answer to that comes. They are answered, and the answers
 * handed to the kernel, before the connection is closed.
 *
 * When told to stop we do not wait for what people have yet to decide. When idle we do, should somebody have asked in
 * the very last moment: that the service manager stops a service which has given up its name is no reason to hurry.
 */
async function leave({ bus, service, name, refuse, log }: Life, reason: Reason): Promise<number> {
  log.debug(reason === 'idle' ? 'idle, exiting' : 'told to stop, finishing what is under way');
  try {
    await bus.releaseName(name);
    if (reason === 'told') refuse();
    await service.drained();
    await bus.flush();
    await bus.close();
    return 0;
  } catch (error) {
    log.error(`cannot take leave of the bus: ${messageOf(error)}`);
    refuse();
    await service.drained();
    return 1;
  }
}
