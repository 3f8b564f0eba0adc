/**
 * Authorization on the system bus: root may everything, everybody else is asked of polkit.
 * Interface: org.freedesktop.PolicyKit1.Authority, polkit reference manual
 * (https://www.freedesktop.org/software/polkit/docs/latest/eggdbus-interface-org.freedesktop.PolicyKit1.Authority.html).
 */
import { messageOf, PortableError } from '../base/errors.ts';
import { isAbsent } from '../dbus/bus-error.ts';
import type { BusConnection } from '../dbus/connection.ts';
import type { Action, Authority, Caller } from './authority.ts';
import { onPeerLeft } from './peer.ts';
import { peerUsers } from './peer-users.ts';

const polkit = {
  destination: 'org.freedesktop.PolicyKit1',
  path: '/org/freedesktop/PolicyKit1/Authority',
  interface: 'org.freedesktop.PolicyKit1.Authority',
} as const;
/** CheckAuthorizationFlags: AllowUserInteraction */
const allowUserInteraction = 1;

/**
 * The authority of the system bus.
 * @param connection the bus that callers and polkit are on
 */
export function polkitAuthority(connection: BusConnection): Authority {
  let questions = 0;
  const userOf = peerUsers(connection);
  const isRoot = async (name: string): Promise<boolean> => (await userOf(name)) === 0;
  return {
    isPrivileged: isRoot,
    authorize: async (caller, action, details) => {
      if (await isRoot(caller.name)) return;
      await ask(connection, { caller, action, details, id: `portabled-${questions++}` });
    },
  };
}

interface Question {
  readonly caller: Caller;
  readonly action: Action;
  readonly details: Readonly<Record<string, string>>;
  /** Unique among ours; names the question when it is taken back. */
  readonly id: string;
}

/** Asks polkit, and takes the question back when the caller leaves the bus. @throws PortableError */
async function ask(connection: BusConnection, question: Question): Promise<void> {
  const left = new AbortController();
  const { name } = question.caller;
  const stopWatching = await onPeerLeft(connection, name, () => {
    left.abort(new PortableError('Cancelled', `${name} left while waiting for authorization`));
  });
  try {
    const { authorized, challenge } = await check(connection, question, left.signal);
    if (!authorized) throw refusal(question, challenge);
  } catch (error) {
    throw left.signal.aborted ? left.signal.reason : asRefusal(question, error);
  } finally {
    stopWatching();
  }
}

interface Verdict {
  readonly authorized: boolean;
  /** Asking the user might change the answer. */
  readonly challenge: boolean;
}

async function check(
  connection: BusConnection,
  { caller, action, details, id }: Question,
  left: AbortSignal,
): Promise<Verdict> {
  const subject = ['system-bus-name', new Map([['name', { signature: 's', value: caller.name }]])] as const;
  const takeBack = (): void => {
    // if polkit has answered in the meantime, it says so; either way there is nothing left to do
    connection.call({ ...polkit, member: 'CancelCheckAuthorization' }, 's', [id]).catch(() => undefined);
  };
  left.addEventListener('abort', takeBack);
  const reply = await connection.call(
    { ...polkit, member: 'CheckAuthorization' },
    '(sa{sv})sa{ss}us',
    [subject, action, new Map(Object.entries(details)), caller.interactive ? allowUserInteraction : 0, id],
    // somebody may be looking for a password
    { timeoutMs: Infinity, signal: left },
  );
  const [[authorized, challenge]] = reply.values('(bba{ss})');
  return { authorized, challenge };
}

function refusal({ caller, action }: Question, challenge: boolean): PortableError {
  if (!challenge)
    return new PortableError('AccessDenied', `${caller.name} is not authorized to ${verbOf(action)}`);
  return new PortableError(
    'InteractiveAuthorizationRequired',
    `to ${verbOf(action)}, authentication is required`,
    {
      hint: caller.interactive
        ? 'no authentication agent is there to ask the user'
        : 'the call did not allow interactive authorization',
    },
  );
}

/** Whatever goes wrong while asking means no. */
function asRefusal({ action }: Question, error: unknown): PortableError {
  if (error instanceof PortableError) return error;
  const reason = isAbsent(error) ? 'polkit does not run' : `polkit failed: ${messageOf(error)}`;
  return new PortableError('AccessDenied', `only root may ${verbOf(action)}: ${reason}`, { cause: error });
}

function verbOf(action: Action): string {
  return action.slice(action.lastIndexOf('.') + 1).replace('-', ' ');
}
