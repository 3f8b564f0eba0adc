/** What the hint of a failure is, once somebody has looked. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { PortableError } from '../../../src/base/errors.ts';
import { commandError, type CommandError } from '../../../src/client/command-error.ts';
import { withGuess } from '../../../src/client/guess.ts';
import type { Images } from '../../../src/client/services.ts';
import { BusError } from '../../../src/dbus/bus-error.ts';

const names = ['web_1', 'web_2', 'solo_1', 'mail', 'mail-extra'];
const images = {
  list: () =>
    Promise.resolve(names.map((name) => ({ name, state: name === 'mail' ? 'attached' : 'detached' }))),
  inspect: () => Promise.resolve({ units: new Map([['a.service', Buffer.alloc(0)]]) }),
  state: ({ image }: { image: string }) => Promise.resolve(image === 'mail' ? 'attached' : 'detached'),
} as unknown as Images;

const hintOf = async (error: unknown, verb = 'attach', image?: string): Promise<string | undefined> =>
  ((await withGuess(error, images, { verb, image })) as { hint?: string }).hint;
const missing = (image: string): unknown =>
  new PortableError('NoSuchImage', 'no', { file: image, hint: 'old' });

describe('a guess', () => {
  for (const [typed, hint] of [
    ['mial', "did you mean 'mail'?"],
    ['solo', "did you mean 'solo_1'?"],
    ['web', "there are 'web_1', 'web_2'"],
    ['web.raw', "there are 'web_1', 'web_2'"],
    ['something', 'old'],
    ['/srv/mial', 'old'],
  ] as const) {
    it(`at what ${typed} was meant to be`, async () => {
      assert.equal(await hintOf(missing(typed)), hint);
    });
  }

  it('is at what is attached, when that was to be detached', async () => {
    const error = commandError(
      new BusError('org.freedesktop.systemd1.NoSuchUnit', 'no'),
      "detach 'mial'",
      'mial',
    );
    assert.equal(await hintOf(error, 'detach'), "did you mean 'mail'?");
    const other = commandError(
      new BusError('org.freedesktop.systemd1.NoSuchUnit', 'no'),
      "detach 'weeb_1'",
      'weeb_1',
    );
    assert.match((await hintOf(other, 'detach')) ?? '', /portablectl list tells what is attached/);
  });

  it('tells the units there are, and that an image is attached already', async () => {
    assert.match(
      (await hintOf(new PortableError('NoMatchingUnitFiles', 'no'))) ?? '',
      /^its units are 'a\.service'/,
    );
    const exists = new PortableError('UnitExists', 'no', { file: 'a.service', hint: 'old' });
    assert.match((await hintOf(exists, 'attach', 'mail')) ?? '', /^'mail' is attached already/);
    assert.equal(await hintOf(exists, 'attach', 'solo_1'), 'old');
    assert.equal(await hintOf(exists, 'reattach', 'mail'), 'old');
  });

  it('leaves other failures as they are', async () => {
    const error = new Error('x');
    assert.equal(await withGuess(error, images, { verb: 'list', image: undefined }), error);
  });
});

describe('what our daemon suggests', () => {
  const failure = (text: string): CommandError =>
    commandError(
      new BusError('org.freedesktop.portable1.BadImageType', text),
      'attach',
      undefined,
    ) as CommandError;

  it('becomes the hint', () => {
    const { message, hint } = failure("'/x' is no image (give it a name that ends in .raw)");
    assert.deepEqual(
      [message, hint],
      ["Cannot attach: '/x' is no image", 'give it a name that ends in .raw'],
    );
  });

  it('is ours where it says nothing', () => {
    assert.match(failure('no').hint ?? '', /^an image is a directory/);
  });
});
