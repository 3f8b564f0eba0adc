/** See unprivileged-caller.ts: unprivileged-caller-program.ts ADDRESS UID, steered over IPC. */
import { readFileSync } from 'node:fs';
import { BusError } from '../../src/dbus/bus-error.ts';
import { connect } from '../../src/dbus/connection.ts';
import type { Order, Told } from './unprivileged-caller.ts';

const [address = '', uid = ''] = process.argv.slice(2);

const agent = await connect({ address });
const caller = await connect({ address });
const tell = (told: Told): void => {
  process.send?.(told);
};

// an agent that asks nobody and answers only when it is told to stop asking
agent.onCall((call) => {
  if (call.member === 'BeginAuthentication') tell({ kind: 'agent-asked' });
  else if (call.member === 'CancelAuthentication') {
    tell({ kind: 'agent-cancelled' });
    call.reply('', []);
  }
});

async function registerAgent(): Promise<void> {
  const startTime = BigInt(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[19] ?? 0);
  const subject = [
    'unix-process',
    new Map<string, { signature: string; value: number | bigint }>([
      ['pid', { signature: 'u', value: process.pid }],
      ['start-time', { signature: 't', value: startTime }],
      ['uid', { signature: 'i', value: Number(uid) }],
    ]),
  ] as const;
  await agent.call(
    {
      destination: 'org.freedesktop.PolicyKit1',
      path: '/org/freedesktop/PolicyKit1/Authority',
      interface: 'org.freedesktop.PolicyKit1.Authority',
      member: 'RegisterAuthenticationAgent',
    },
    '(sa{sv})ss',
    [subject, 'C', '/agent'],
  );
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'register-agent':
      void registerAgent().then(() => {
        tell({ kind: 'registered' });
      });
      break;
    case 'call': {
      const { destination, path, interface: iface, member, signature, args, interactive } = order;
      caller
        .call({ destination, path, interface: iface, member }, signature, args as never, {
          interactive,
          timeoutMs: Infinity,
        })
        .then(
          () => {
            tell({ kind: 'answered', error: undefined });
          },
          (error: unknown) => {
            tell({ kind: 'answered', error: error instanceof BusError ? error.dbusName : String(error) });
          },
        );
      break;
    }
    case 'leave':
      void caller.close().then(() => {
        tell({ kind: 'left' });
      });
  }
});
tell({ kind: 'ready' });
