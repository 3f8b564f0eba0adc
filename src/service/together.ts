/**
 * What our own client asks for and systemd's interface has no words for: several images in one transaction, and word of
 * how far a long copy is. It is at a path and in an interface of its own, which no introspection tells of, and nobody
 * hears of it who has not asked here: docs/decisions/several-images.md.
 */
import { PortableError } from '../base/errors.ts';
import type { ValueOf } from '../dbus/signature.ts';
import { splitChanges } from '../portable/changes.ts';
import type { AttachRequest, ChangeOptions, CopyProgress, DetachRequest } from '../portable/requests.ts';
import { imageRef, parseFlags } from './arguments.ts';
import type { Engine } from './engine.ts';
import { shape, type Interface, type Method, type Subject, type Tell } from './interface.ts';
import { decodeAttachWithExtensions, rows } from './operations.ts';

/** Of each image its name or path, then as AttachImageWithExtensions and DetachImageWithExtensions have it. */
const attaching = 'a(sasassst)';
const detaching = 'a(sast)';

export const togetherInterface: Interface<Engine> = {
  name: 'portabled.Together1',
  properties: {},
  methods: {
    Attach: change(attaching, 'aa(sss)', decodeAttaching, async (engine, requests, how) => {
      const { images } = await engine.attachAll(requests, how);
      return images.map(rows);
    }),
    Detach: change(detaching, 'aa(sss)', decodeDetaching, async (engine, requests, how) => {
      const { images } = await engine.detachAll(requests, how);
      return images.map(rows);
    }),
    Reattach: change(attaching, 'a(a(sss)a(sss))', decodeAttaching, async (engine, requests, how) => {
      const { images } = await engine.reattachAll(requests, how);
      return images.map(splitChanges).map(({ removed, updated }) => [rows(removed), rows(updated)] as const);
    }),
  },
};

/** A method that takes requests, and whether to tell how far copies of images are, and answers for each of them. */
function change<const I extends string, const O extends string, R extends Subject>(
  requests: I,
  changes: O,
  decode: (given: ValueOf<I>) => readonly R[],
  run: (engine: Engine, requests: readonly R[], how: ChangeOptions) => Promise<ValueOf<O>>,
): Method<Engine> {
  return {
    ...shape(
      [
        ['requests', requests],
        ['progress', 'b'],
      ],
      [['changes', changes]],
    ),
    access: 'attach',
    hidden: true,
    prepare: (_engine, [given, progress]) => {
      // the arguments were decoded by the signature above
      const subjects = decode(given as ValueOf<I>);
      // what is about no image would need no authorization
      if (subjects.length === 0) throw new PortableError('InvalidArgs', 'no image was given');
      return {
        subjects,
        run: async (engine, tell, signal) => {
          const copying = progress === true ? reporter(tell) : undefined;
          return [await run(engine, subjects, { signal, copying })];
        },
      };
    },
  };
}

/** The signal Copying: the path of the copy, bytes done, bytes in all (0 where nobody knows). */
function reporter(tell: Tell): (copy: CopyProgress) => void {
  return ({ path, done, total }) => {
    tell('Copying', 'stt', [path, BigInt(done), BigInt(total ?? 0)]);
  };
}

function decodeAttaching(given: ValueOf<typeof attaching>): readonly AttachRequest[] {
  return given.map((request) => decodeAttachWithExtensions(...request));
}

function decodeDetaching(given: ValueOf<typeof detaching>): readonly DetachRequest[] {
  return given.map(([image, extensions, flags]) => {
    const { runtime, force } = parseFlags(flags);
    return { ...imageRef(image, extensions), runtime, force };
  });
}
