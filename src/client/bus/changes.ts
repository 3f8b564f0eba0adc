/**
 * Changes to images. One is one call. Several are one transaction of our daemon's, and with systemd's, which changes one
 * image per call, one after another with a way back: docs/decisions/several-images.md.
 */
import type { BusConnection } from '../../dbus/connection.ts';
import type { AttachRequest, Change } from '../../portable/requests.ts';
import { withRest } from '../command-error.ts';
import type { Copying, WatchCopies } from '../copy-bar.ts';
import type { Changed, Images } from '../services.ts';
import { daemonName, ours } from './daemon.ts';
import type { OneImage } from './one-image.ts';
import type { Several } from './several.ts';
import type { LocalHost } from './attached.ts';

export interface ChangingOnBus {
  /** Whether the daemon may have the user asked for a password. */
  readonly interactive: boolean;
  readonly watchCopies: WatchCopies;
  /** The host's files, where they are on this machine. */
  readonly findHost: () => Promise<LocalHost | undefined>;
}

/** The ways there are to change images. */
interface Ways<R, T> {
  readonly one: (request: R) => Promise<T>;
  readonly several: (several: Several) => Promise<readonly T[]>;
}

/** Changes by whichever daemon answers. */
export function changesOnBus(
  connection: BusConnection,
  one: OneImage,
  { interactive, watchCopies, findHost }: ChangingOnBus,
): Pick<Images, 'attach' | 'detach' | 'reattach'> {
  const change = async <R, T>(
    requests: readonly R[],
    watched: Copying,
    ways: Ways<R, T>,
  ): Promise<readonly T[]> => {
    const [only, ...others] = requests;
    const isOne = only !== undefined && others.length === 0;
    if (isOne && watched === undefined) return [await ways.one(only)];
    if ((await daemonName(connection)) === ours) {
      const { togetherOnBus } = await import('./together.ts');
      return ways.several(togetherOnBus(connection, interactive));
    }
    if (isOne) return [await ways.one(only)];
    const { oneByOne } = await import('./one-by-one.ts');
    return ways.several(oneByOne(one, await findHost()));
  };
  /** Only who copies whole images has something to watch. */
  const watching = async <T>(
    requests: readonly AttachRequest[],
    work: (watched: Copying) => Promise<readonly T[]>,
  ): Promise<Changed<T>> => {
    const copies = requests.some(({ copyMode }) => copyMode === 'mixed');
    return withoutLinks(await (copies ? watchCopies(work) : work(undefined)));
  };
  return {
    attach: (requests) =>
      watching(requests, (watched) =>
        change(requests, watched, {
          one: one.attach,
          several: (all) => all.attach(requests, watched),
        }),
      ),
    detach: async (requests, first) => {
      const detach = (): Promise<readonly (readonly Change[])[]> =>
        change(requests, undefined, {
          one: one.detach,
          several: (all) => all.detach(requests),
        });
      if (first === undefined) return withoutLinks(await detach());
      const { wayBack } = await import('./way-back.ts');
      const back = await wayBack(one, await findHost(), requests, [], 'detach');
      try {
        await first.go();
        return withoutLinks(await detach());
      } catch (error) {
        // disabling removes unit files that are links: systemctl(1), "disable"
        const rest = await back.go([]);
        await first.back();
        throw withRest(error, rest);
      } finally {
        back.close();
      }
    },
    reattach: (requests) =>
      watching(requests, (watched) =>
        change(requests, watched, {
          one: one.reattach,
          several: (all) => all.reattach(requests, watched),
        }),
      ),
  };
}

/** Links that enable units are the service manager's business, which is asked afterwards. */
function withoutLinks<T>(images: readonly T[]): Changed<T> {
  return { images, links: [] };
}
