/**
 * Several images in one command. The daemon's interface changes one image at a time, so all is looked at before
 * anything is changed, and what was attached before one of them failed is detached again:
 * docs/decisions/several-images.md.
 */
import { messageOf, quoted } from '../../base/errors.ts';
import type {
  AttachRequest,
  Change,
  DetachRequest,
  ImageRef,
  InspectRequest,
  Metadata,
  ReattachResult,
} from '../../portable/requests.ts';
import { CommandError } from '../command-error.ts';

/** What is done with one image. */
export interface One {
  state(ref: ImageRef): Promise<string>;
  inspect(request: InspectRequest): Promise<Metadata>;
  attach(request: AttachRequest): Promise<readonly Change[]>;
  detach(request: DetachRequest): Promise<readonly Change[]>;
  reattach(request: AttachRequest): Promise<ReattachResult>;
}

export async function attachAll(
  one: One,
  requests: readonly AttachRequest[],
): Promise<readonly (readonly Change[])[]> {
  if (requests.length > 1) for (const request of requests) await one.inspect(request);
  const done: AttachRequest[] = [];
  const changes: (readonly Change[])[] = [];
  for (const request of requests) {
    try {
      changes.push(await one.attach(request));
      done.push(request);
    } catch (error) {
      throw await detachAgain(one, done, error);
    }
  }
  return changes;
}

export async function detachAll(
  one: One,
  requests: readonly DetachRequest[],
): Promise<readonly (readonly Change[])[]> {
  if (requests.length > 1) for (const request of requests) await mustBeAttached(one, request, 'detach');
  return inOrder(requests, 'detached', (request) => one.detach(request));
}

export async function reattachAll(
  one: One,
  requests: readonly AttachRequest[],
): Promise<readonly ReattachResult[]> {
  if (requests.length > 1) for (const request of requests) await one.inspect(request);
  return inOrder(requests, 'reattached', (request) => one.reattach(request));
}

/** @returns the failure, with what has become of the images that were attached before it */
async function detachAgain(one: One, done: readonly AttachRequest[], error: unknown): Promise<unknown> {
  const left: string[] = [];
  for (const request of [...done].reverse()) {
    try {
      await one.detach(request);
    } catch (failure) {
      left.push(`${quoted(request.image)} (${messageOf(failure)})`);
    }
  }
  if (done.length === 0) return error;
  const rest =
    left.length === 0
      ? 'Nothing is attached: what was, has been detached again.'
      : `Still attached, because detaching it again failed: ${left.join(', ')}.`;
  return withRest(error, rest);
}

async function mustBeAttached(one: One, ref: ImageRef, doing: string): Promise<void> {
  if ((await one.state(ref)) !== 'detached') return;
  throw new CommandError(
    `Cannot ${doing} ${quoted(ref.image)}: it is not attached. Nothing has been changed.`,
    {
      hint: 'portablectl list tells what is attached',
      dbusName: 'org.freedesktop.systemd1.NoSuchUnit',
      image: ref.image,
    },
  );
}

/** What cannot be taken back is told. */
async function inOrder<R extends ImageRef, T>(
  requests: readonly R[],
  what: string,
  change: (request: R) => Promise<T>,
): Promise<readonly T[]> {
  const results: T[] = [];
  for (const request of requests) {
    try {
      results.push(await change(request));
    } catch (error) {
      if (results.length === 0) throw error;
      const done = requests.slice(0, results.length).map(({ image }) => quoted(image));
      throw withRest(error, `Already ${what}: ${done.join(', ')}.`);
    }
  }
  return results;
}

function withRest(error: unknown, rest: string): CommandError {
  const known = error instanceof CommandError ? error : undefined;
  return new CommandError(`${messageOf(error)}\n${rest}`, {
    hint: known?.hint,
    dbusName: known?.dbusName,
    image: known?.image,
    cause: error,
  });
}
