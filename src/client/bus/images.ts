/** The images of a host as its daemon tells of them, ours or systemd's: org.freedesktop.portable1(5). */
import type { BusConnection } from '../../dbus/connection.ts';
import { variantValue } from '../../dbus/reply.ts';
import type { ValuesOf } from '../../dbus/signature.ts';
import type { Images, ListedImage } from '../services.ts';
import { changesOnBus, type ChangingOnBus } from './changes.ts';
import { manager } from './daemon.ts';
import { asking, doing, oneImageOnBus, type Ask } from './one-image.ts';

/** The daemon's images. */
export function imagesOnBus(connection: BusConnection, how: ChangingOnBus): Images {
  const ask = asking(connection, how.interactive);
  const one = oneImageOnBus(connection, ask);
  const simply = async <S extends string>(member: string, signature: S, args: ValuesOf<S>): Promise<void> => {
    (await ask(member, signature, args)).values('');
  };
  return {
    list: () => doing('list the images', undefined, () => list(ask)),
    inspect: one.inspect,
    state: one.state,
    profiles: () => doing('list the profiles', undefined, () => profiles(connection)),
    ...changesOnBus(connection, one, how),
    markReadOnly: (image, readOnly) =>
      doing('change whether one may write to', image, () =>
        simply('MarkImageReadOnly', 'sb', [image, readOnly]),
      ),
    remove: (image) => doing('remove', image, () => simply('RemoveImage', 's', [image])),
    setImageLimit: (image, bytes) =>
      doing('limit the size of', image, () => simply('SetImageLimit', 'st', [image, bytes])),
    setPoolLimit: (bytes) =>
      doing('limit the size of all images', undefined, () => simply('SetPoolLimit', 't', [bytes])),
  };
}

async function list(ask: Ask): Promise<readonly ListedImage[]> {
  const [images] = (await ask('ListImages', '', [])).values('a(ssbtttso)');
  return images.map(([name, type, readOnly, created, modified, usage, state]) => {
    return { name, type, readOnly, created, modified, usage, state };
  });
}

async function profiles(connection: BusConnection): Promise<readonly string[]> {
  const method = { ...manager, interface: 'org.freedesktop.DBus.Properties', member: 'Get' };
  const reply = await connection.call(method, 'ss', [manager.interface, 'Profiles']);
  return variantValue(reply.values('v')[0], 'as', 'the property Profiles of the daemon');
}
