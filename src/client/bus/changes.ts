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
import type { Together } from './together.ts';
import type { OneByOne } from './one-by-one.ts';
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
  readonly together: (together: Together, copying: Copying) => Promise<readonly T[]>;
  readonly oneByOne: (oneByOne: OneByOne) => Promise<readonly T[]>;
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
      return ways.together(togetherOnBus(connection, interactive), watched);
    }
    if (isOne) return [await ways.one(only)];
    const { oneByOne } = await import('./one-by-one.ts');
    return ways.oneByOne(oneByOne(one, await findHost()));
  };
  return {
    attach: (requests) =>
      watchCopies(async (copying) =>
        withoutLinks(
          await change(requests, copiesImages(requests) ? copying : undefined, {
            one: one.attach,
            together: (together, watched) => together.attach(requests, watched),
            oneByOne: (all) => all.attach(requests),
          }),
        ),
      ),
    detach: async (requests, first) => {
      const detach = (): Promise<readonly (readonly Change[])[]> =>
        change(requests, undefined, {
          one: one.detach,
          together: (together) => together.detach(requests),
          oneByOne: (all) => all.detach(requests),
        });
      if (first === undefined) return withoutLinks(await detach());
      const { wayBack } = await import('./way-back.ts');
      const back = await wayBack(one, await findHost(), requests, [], 'detach');
      await first.go();
      try {
        return withoutLinks(await detach());
      } catch (error) {
        // disabling removes unit files that are links: systemctl(1), "disable"
        const rest = await back.go([]);
        await first.back();
        throw withRest(error, rest);
      }
    },
    reattach: (requests) =>
      watchCopies(async (copying) =>
        withoutLinks(
          await change(requests, copiesImages(requests) ? copying : undefined, {
            one: one.reattach,
            together: (together, watched) => together.reattach(requests, watched),
            oneByOne: (all) => all.reattach(requests),
          }),
        ),
      ),
  };
}

function copiesImages(requests: readonly AttachRequest[]): boolean {
  return requests.some(({ copyMode }) => copyMode === 'mixed');
}

/** Links that enable units are the service manager's business, which is asked afterwards. */
function withoutLinks<T>(images: readonly T[]): Changed<T> {
  return { images, links: [] };
}
