/** org.freedesktop.portable1.Image: the object of one image in the search path. */
import type { Image, ImageFacts } from '../images/image.ts';
import type { Engine } from './engine.ts';
import { method, property, type Arguments, type Interface, type Method, type Subject } from './interface.ts';
import * as operations from './operations.ts';

/** An image with what its properties tell, asked for once per call. */
export class ImageObject {
  readonly image: Image;
  readonly #engine: Engine;
  #facts: Promise<ImageFacts> | undefined;

  constructor(image: Image, engine: Engine) {
    this.image = image;
    this.#engine = engine;
  }

  facts(): Promise<ImageFacts> {
    return (this.#facts ??= this.#engine.facts(this.image));
  }
}

export const imageInterface: Interface<ImageObject> = {
  name: 'org.freedesktop.portable1.Image',
  properties: {
    Name: property('s', ({ image }) => image.name),
    Path: property('s', ({ image }) => image.path),
    Type: property('s', ({ image }) => image.type),
    ReadOnly: property('b', async (object) => (await object.facts()).readOnly),
    CreationTimestamp: property('t', async (object) => (await object.facts()).creationTime),
    ModificationTimestamp: property('t', async (object) => (await object.facts()).modificationTime),
    Usage: property('t', async (object) => (await object.facts()).usage),
    Limit: property('t', async (object) => (await object.facts()).limit),
    UsageExclusive: property('t', async (object) => (await object.facts()).usageExclusive),
    LimitExclusive: property('t', async (object) => (await object.facts()).limitExclusive),
  },
  methods: {
    GetOSRelease: onItself(operations.getOSRelease),
    GetMetadata: onItself(operations.getMetadata),
    GetMetadataWithExtensions: onItself(operations.getMetadataWithExtensions),
    GetState: onItself(operations.getState),
    GetStateWithExtensions: onItself(operations.getStateWithExtensions),
    Attach: onItself(operations.attach),
    AttachWithExtensions: onItself(operations.attachWithExtensions),
    Detach: onItself(operations.detach),
    DetachWithExtensions: onItself(operations.detachWithExtensions),
    Reattach: onItself(operations.reattach),
    ReattachWithExtensions: onItself(operations.reattachWithExtensions),
    // the name systemd released the method under first; older clients still use it
    ReattacheWithExtensions: onItself(operations.reattachWithExtensions, true),
    Remove: onItself(operations.remove),
    MarkReadOnly: onItself(operations.markReadOnly),
    SetLimit: onItself(operations.setLimit),
  },
};

/** An operation as the image's own method. */
function onItself<I extends Arguments, O extends Arguments, Request extends Subject>(
  operation: operations.Operation<I, O, Request>,
  hidden = false,
): Method<ImageObject> {
  return method<ImageObject, I, O, Request>({
    in: operation.in,
    out: operation.out,
    access: operation.access,
    hidden,
    decode: ({ image }, ...args) => operation.decode(image.name, ...args),
    run: operation.run,
  });
}
