/**
 * Several images in one transaction of our daemon's, and how far it is with copying them: an interface of our own, at a
 * path of its own, which systemd's daemon lacks. docs/decisions/several-images.md.
 */
import { messageOf, quoted } from '../../base/errors.ts';
import type { BusConnection } from '../../dbus/connection.ts';
import type { Reply } from '../../dbus/reply.ts';
import type { ValueOf } from '../../dbus/signature.ts';
import type { AttachRequest, DetachRequest, ImageRef } from '../../portable/requests.ts';
import { commandError } from '../command-error.ts';
import type { Copying } from '../copy-bar.ts';
import { manager } from './daemon.ts';
import { changesOf, flagsOf } from './one-image.ts';
import { ownerOf } from './owner.ts';
import type { Several } from './several.ts';

const together = { path: '/portabled/together', interface: 'portabled.Together1' } as const;

/** @param interactive whether the daemon may have the user asked for a password */
export function togetherOnBus(connection: BusConnection, interactive: boolean): Several {
  const ask = async <S extends 'a(sasassst)' | 'a(sast)'>(
    member: string,
    signature: S,
    requests: ValueOf<S>,
    copying: Copying,
  ): Promise<Reply> => {
    const method = { ...together, destination: manager.destination, member };
    const stop = copying === undefined ? undefined : await hear(connection, copying);
    try {
      const args = [requests, copying !== undefined] as const;
      return await connection.call<string>(method, `${signature}b`, args, {
        interactive,
        timeoutMs: Infinity,
      });
    } finally {
      stop?.();
    }
  };
  return {
    attach: (requests, copying) =>
      doing('attach', requests, async () => {
        const reply = await ask('Attach', 'a(sasassst)', requests.map(attaching), copying);
        return reply.values('aa(sss)')[0].map(changesOf);
      }),
    detach: (requests) =>
      doing('detach', requests, async () => {
        const reply = await ask('Detach', 'a(sast)', requests.map(detaching), undefined);
        return reply.values('aa(sss)')[0].map(changesOf);
      }),
    reattach: (requests, copying) =>
      doing('reattach', requests, async () => {
        const reply = await ask('Reattach', 'a(sasassst)', requests.map(attaching), copying);
        return reply.values('a(a(sss)a(sss))')[0].map(([removed, updated]) => {
          return { removed: changesOf(removed), updated: changesOf(updated) };
        });
      }),
  };
}

/** Hears from the daemon, and from nobody else, how far copies are. */
async function hear(connection: BusConnection, copying: NonNullable<Copying>): Promise<() => void> {
  const sender = await ownerOf(connection, manager.destination);
  return connection.onSignal({ ...together, sender, member: 'Copying' }, (signal) => {
    const [path, done, total] = signal.values('stt');
    copying({ path, done: Number(done), total: total === 0n ? undefined : Number(total) });
  });
}

async function doing<T>(what: string, requests: readonly ImageRef[], call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const names = requests.map(({ image }) => quoted(image));
    const about = requests.find((_, i) => messageOf(error).includes(names[i] ?? ''));
    throw commandError(error, `${what} ${names.join(', ')}`, about?.image);
  }
}

function attaching(request: AttachRequest): ValueOf<'(sasassst)'> {
  const { image, extensions, matches, profile, copyMode } = request;
  return [image, extensions, matches, profile, copyMode, flagsOf(request)];
}

function detaching(request: DetachRequest): ValueOf<'(sast)'> {
  const { image, extensions, force } = request;
  return [image, extensions, flagsOf({ ...request, forceExtension: force })];
}
