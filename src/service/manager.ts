/** org.freedesktop.portable1.Manager: the object that knows all images. */
import { checkImageName } from '../images/names.ts';
import { parseLimit } from './arguments.ts';
import type { PoolQuota } from '../images/pool.ts';
import type { Engine } from './engine.ts';
import { method, property, type Arguments, type Interface, type Method, type Subject } from './interface.ts';
import { imagePath } from './paths.ts';
import * as operations from './operations.ts';

/** The engine as the manager's properties see it: what they share is asked for once per call. */
export class ManagerObject {
  readonly engine: Engine;
  #quota: Promise<PoolQuota> | undefined;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  quota(): Promise<PoolQuota> {
    return (this.#quota ??= this.engine.poolQuota());
  }
}

export const managerInterface: Interface<ManagerObject> = {
  name: 'org.freedesktop.portable1.Manager',
  properties: {
    PoolPath: property('s', ({ engine }) => engine.poolPath),
    PoolUsage: property('t', async (manager) => (await manager.quota()).usage),
    PoolLimit: property('t', async (manager) => (await manager.quota()).limit),
    Profiles: property('as', ({ engine }) => engine.profiles()),
  },
  methods: {
    GetImage: method({
      in: [['image', 's']],
      out: [['object', 'o']],
      access: 'anyone',
      decode: (_manager, image) => ({ image: checkImageName(image) }),
      run: async (engine, { image }) => [imagePath((await engine.findByName(image)).name)],
    }),
    ListImages: method({
      in: [],
      out: [['images', 'a(ssbtttso)']],
      access: 'anyone',
      decode: () => ({ image: undefined }),
      run: async (engine) => {
        const listed = await engine.listImages();
        return [
          listed.map(
            ({ image, facts, state }) =>
              [
                image.name,
                image.type,
                facts.readOnly,
                facts.creationTime,
                facts.modificationTime,
                facts.usage,
                state,
                imagePath(image.name),
              ] as const,
          ),
        ];
      },
    }),
    GetImageOSRelease: onNamedImage(operations.getOSRelease),
    GetImageMetadata: onNamedImage(operations.getMetadata),
    GetImageMetadataWithExtensions: onNamedImage(operations.getMetadataWithExtensions),
    GetImageState: onNamedImage(operations.getState),
    GetImageStateWithExtensions: onNamedImage(operations.getStateWithExtensions),
    AttachImage: onNamedImage(operations.attach),
    AttachImageWithExtensions: onNamedImage(operations.attachWithExtensions),
    DetachImage: onNamedImage(operations.detach),
    DetachImageWithExtensions: onNamedImage(operations.detachWithExtensions),
    ReattachImage: onNamedImage(operations.reattach),
    ReattachImageWithExtensions: onNamedImage(operations.reattachWithExtensions),
    RemoveImage: onNamedImage(operations.remove),
    MarkImageReadOnly: onNamedImage(operations.markReadOnly),
    SetImageLimit: onNamedImage(operations.setLimit),
    SetPoolLimit: method({
      in: [['limit', 't']],
      out: [],
      access: 'manage',
      decode: (_manager, limit) => ({ image: undefined, limit: parseLimit(limit) }),
      run: async (engine, { limit }) => {
        await engine.setPoolLimit(limit);
        return [];
      },
    }),
  },
};

/** An operation as the manager's method: the image is the first argument. */
function onNamedImage<I extends Arguments, O extends Arguments, Request extends Subject>(
  operation: operations.Operation<I, O, Request>,
): Method<ManagerObject> {
  return method<ManagerObject, readonly [readonly ['image', 's'], ...I], O, Request>({
    in: [['image', 's'], ...operation.in],
    out: operation.out,
    access: operation.access,
    decode: (_manager, image, ...args) => operation.decode(image, ...args),
    run: operation.run,
  });
}
