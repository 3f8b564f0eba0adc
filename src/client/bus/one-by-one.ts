/**
 * Several images with a daemon that changes one per call: all is looked at before anything is changed, and when one
 * fails, what was changed is put back. What that guarantees: docs/decisions/several-images.md.
 */
import { quoted } from '../../base/errors.ts';
import type { AttachRequest, DetachRequest, ImageRef } from '../../portable/requests.ts';
import { CommandError, withRest } from '../command-error.ts';
import type { LocalHost } from './attached.ts';
import type { OneImage } from './one-image.ts';
import type { Several } from './several.ts';
import { wayBack, type WayBack } from './way-back.ts';

/** @param host undefined where its files are on another machine */
export function oneByOne(one: OneImage, host: LocalHost | undefined): Several {
  return {
    attach: async (requests) => {
      const back = await wayBack(one, host, requests, await unitsOf(one, requests), 'attach');
      return inOrder(requests, (request) => one.attach(request), back);
    },
    detach: async (requests) => {
      for (const request of requests) await checkDetachable(one, request);
      const back = await wayBack(one, host, requests, [], 'detach');
      return inOrder(requests, (request) => one.detach(request), back);
    },
    reattach: async (requests) => {
      const units = await unitsOf(one, requests);
      for (const request of requests) await checkAttached(one, request, 'reattach');
      const back = await wayBack(one, host, requests, units, 'reattach');
      return inOrder(requests, (request) => one.reattach(request), back);
    },
  };
}

/** Those that could not be put back are changed last: when one of them fails, those before it go back. */
async function inOrder<R extends ImageRef, T>(
  requests: readonly R[],
  change: (request: R) => Promise<T>,
  back: WayBack,
): Promise<readonly T[]> {
  const order = [...requests].sort((a, b) => Number(back.isOneWay(a)) - Number(back.isOneWay(b)));
  const results = new Map<R, T>();
  try {
    for (const request of order) results.set(request, await change(request));
  } catch (error) {
    throw withRest(error, await back.go([...results.keys()]));
  } finally {
    back.close();
  }
  return requests.flatMap((request) => {
    const result = results.get(request);
    return result === undefined ? [] : [result];
  });
}

/** The units that will be put in place. @throws CommandError when an image cannot be read */
async function unitsOf(one: OneImage, requests: readonly AttachRequest[]): Promise<readonly string[]> {
  const units: string[] = [];
  for (const request of requests) units.push(...(await one.inspect(request)).units.keys());
  return units;
}

async function checkDetachable(one: OneImage, request: DetachRequest): Promise<void> {
  const state = await checkAttached(one, request, 'detach');
  if (request.force || !state.startsWith('running')) return;
  throw new CommandError(
    `Cannot detach ${quoted(request.image)}: units of it run. Nothing has been changed.`,
    {
      hint: 'stop them, or use --now',
      dbusName: 'org.freedesktop.systemd1.UnitExists',
      image: request.image,
    },
  );
}

async function checkAttached(one: OneImage, ref: ImageRef, doing: string): Promise<string> {
  const state = await one.state(ref);
  if (state !== 'detached') return state;
  throw new CommandError(
    `Cannot ${doing} ${quoted(ref.image)}: it is not attached. Nothing has been changed.`,
    {
      hint: 'portablectl list tells what is attached',
      dbusName: 'org.freedesktop.systemd1.NoSuchUnit',
      image: ref.image,
    },
  );
}
