/** The bus objects with fakes behind them, on a test's bus. */
import { PortableError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { connect, type BusConnection } from '../../src/dbus/connection.ts';
import type { Authority } from '../../src/host/authority.ts';
import { busName } from '../../src/service/paths.ts';
import { serve, type Service, type ServeOptions } from '../../src/service/serve.ts';
import { fakeEngine, type FakeEngine } from './fake-engine.ts';
import type { PrivateBus } from './private-bus.ts';

export interface FakeAuthority extends Authority {
  /** "action image interactive" of every question. */
  readonly asked: string[];
  allow: boolean;
}

export interface ServedFake {
  readonly connection: BusConnection;
  readonly service: Service;
  readonly engine: FakeEngine;
  readonly authority: FakeAuthority;
  readonly log: { level: string; target: string };
}

export const machineId = '0123456789abcdef0123456789abcdef';

export async function serveFake(
  bus: Pick<PrivateBus, 'address'>,
  changed: Partial<ServeOptions> = {},
): Promise<ServedFake> {
  const connection = await connect({ address: bus.address });
  const engine = fakeEngine();
  const authority = fakeAuthority();
  const log = { level: 'info', target: 'auto' };
  const service = serve(connection, {
    engine,
    authority,
    log: silentLog,
    machineId: () => Promise.resolve(machineId),
    logControl: {
      get level() {
        return log.level;
      },
      get target() {
        return log.target;
      },
      identifier: 'portabled',
      setLevel: (text) => text !== 'bogus' && ((log.level = text), true),
      setTarget: (text) => text !== 'bogus' && ((log.target = text), true),
    },
    ...changed,
  });
  if (!(await connection.requestName(busName))) throw new Error('the name is taken');
  return { connection, service, engine, authority, log };
}

function fakeAuthority(): FakeAuthority {
  const authority: FakeAuthority = {
    asked: [],
    allow: true,
    authorize: async (caller, action, details) => {
      const short = action.slice(action.lastIndexOf('.') + 1);
      authority.asked.push(`${short} ${details['image'] ?? '-'} ${caller.interactive}`);
      if (!authority.allow) throw new PortableError('AccessDenied', 'no');
      return Promise.resolve();
    },
    isPrivileged: () => Promise.resolve(authority.allow),
  };
  return authority;
}
