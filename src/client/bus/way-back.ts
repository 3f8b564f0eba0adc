/** How to get back to what was attached before, with nothing but calls of systemd's interface. */
import { errnoOf, messageOf, PortableError, quoted } from '../../base/errors.ts';
import type { AttachRequest, DetachRequest, ImageRef } from '../../portable/requests.ts';
import { attachmentsOf, isSame, type Attachment, type LocalHost } from './attached.ts';
import { likenesses, type Likeness } from './likeness.ts';
import type { OneImage } from './one-image.ts';

export interface WayBack {
  /** Nobody could attach it again as it is: its image is gone, or its profile has no name. */
  isOneWay(ref: ImageRef): boolean;
  /** Puts back what has changed. @param done what succeeded @returns what to say about it; nothing if nothing had */
  go(done: readonly ImageRef[]): Promise<string>;
  /** To be called when it is no longer needed. */
  close(): void;
}

type Request = AttachRequest | DetachRequest;

/**
 * Notes what is attached of the images.
 * @param units those that will be put in place
 * @param host undefined where its files are on another machine; who may not read them gets along without, too
 */
export async function wayBack(
  one: OneImage,
  host: LocalHost | undefined,
  requests: readonly Request[],
  units: readonly string[],
  doing: 'attach' | 'detach' | 'reattach',
): Promise<WayBack> {
  if (host === undefined) return blindWayBack(one, requests, doing);
  const likeness = likenesses();
  try {
    return await knownWayBack(one, host, likeness, requests, units);
  } catch (error) {
    likeness.close();
    if (!isForbidden(error)) throw error;
    return blindWayBack(one, requests, doing);
  }
}

/** Users may have a daemon's leave to change what they may not look at. */
function isForbidden(error: unknown): boolean {
  const code = error instanceof PortableError ? error.code : errnoOf(error);
  return code === 'AccessDenied' || code === 'EACCES' || code === 'EPERM';
}

/** @throws PortableError or a system error where files cannot be read */
async function knownWayBack(
  one: OneImage,
  host: LocalHost,
  likeness: Likeness,
  requests: readonly Request[],
  units: readonly string[],
): Promise<WayBack> {
  const runtime = requests[0]?.runtime === true;
  const oneWay = new Set<ImageRef>();
  const names = new Set(units);
  for (const request of requests) {
    const attachments = await attachmentsOf(host, [request], new Set(), runtime, likeness);
    const canAll = await Promise.all(attachments.map((each) => canComeBack(one, each)));
    if (!canAll.every(Boolean)) oneWay.add(request);
    for (const attachment of attachments) attachment.request.matches.forEach((unit) => names.add(unit));
  }
  const before = await attachmentsOf(host, requests, names, runtime, likeness);
  // also what was attached in another version
  const concerned = [...requests, ...before.map(({ request }) => request)];
  const look = (): Promise<readonly Attachment[]> => attachmentsOf(host, concerned, names, runtime, likeness);
  return {
    isOneWay: (ref) => oneWay.has(ref),
    go: () => goBack(one, before, look),
    close: likeness.close,
  };
}

async function canComeBack(one: OneImage, { request, isKnown }: Attachment): Promise<boolean> {
  if (!isKnown) return false;
  return one.inspect(request).then(
    () => true,
    () => false,
  );
}

async function goBack(
  one: OneImage,
  before: readonly Attachment[],
  look: () => Promise<readonly Attachment[]>,
): Promise<string> {
  const failures = new Map<string, string>();
  const attempt = async (image: string, work: () => Promise<unknown>): Promise<void> => {
    await work().catch((error: unknown) => failures.set(image, messageOf(error)));
  };
  const surplus = missingFrom(before, await look());
  const wasChanged = surplus.length > 0 || missingFrom(await look(), before).length > 0;
  if (!wasChanged) return '';
  // what cannot be attached again as it was is not made worse
  const stuck = new Set(before.filter(({ isKnown }) => !isKnown).map(({ request }) => request.image));
  for (const { request } of surplus) {
    if (stuck.has(request.image)) continue;
    const running = (await one.state(request).catch(() => '')).startsWith('running');
    await attempt(request.image, () => one.detach({ ...request, force: running }));
  }
  for (const { request, isKnown } of missingFrom(await look(), before)) {
    // without its profile it would run unconfined
    if (isKnown && !stuck.has(request.image)) await attempt(request.image, () => one.attach(request));
    else failures.set(request.image, 'its profile is a file that no profile is the same as');
  }
  const after = await look();
  const wrong = [...missingFrom(before, after), ...missingFrom(after, before)];
  if (wrong.length === 0) return 'Nothing has been changed: what was, has been put back.';
  const images = [...new Set(wrong.map(({ request }) => request.image))];
  const reasons = images.map((image) => {
    const reason = failures.get(image);
    return reason === undefined ? quoted(image) : `${quoted(image)} (${reason})`;
  });
  return `Not put back as it was: ${reasons.join(', ')}.`;
}

/** What is in `some` and not, in all its files, in `all`. */
function missingFrom(all: readonly Attachment[], some: readonly Attachment[]): readonly Attachment[] {
  return some.filter((each) => !all.some((other) => isSame(each, other)));
}

/** What was attached can be detached again without a look at files; of the rest it can only be told. */
function blindWayBack(one: OneImage, requests: readonly Request[], doing: string): WayBack {
  const runtime = requests[0]?.runtime === true;
  const detachAgain = async (done: readonly ImageRef[]): Promise<string> => {
    const left: string[] = [];
    for (const ref of [...done].reverse()) {
      await one.detach({ ...ref, runtime, force: false }).catch((error: unknown) => {
        left.push(`${quoted(ref.image)} (${messageOf(error)})`);
      });
    }
    if (left.length > 0) return `Still attached, because detaching it again failed: ${left.join(', ')}.`;
    return 'Nothing is attached: what was, has been detached again.';
  };
  const tell = (done: readonly ImageRef[]): Promise<string> =>
    Promise.resolve(`Already ${doing}ed: ${done.map(({ image }) => quoted(image)).join(', ')}.`);
  const go = doing === 'attach' ? detachAgain : tell;
  return {
    isOneWay: () => false,
    go: (done) => (done.length === 0 ? Promise.resolve('') : go(done)),
    close: () => undefined,
  };
}
