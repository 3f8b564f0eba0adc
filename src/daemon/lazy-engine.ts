/**
 * The engine, loaded when a call first needs it: most of portabled's code is behind it, and a daemon that was started
 * by a call should answer before it has read all of that.
 */
import type { Engine } from '../service/engine.ts';

/**
 * @param load called once, at the first use, and again after it has failed
 * @param poolPath what is known without it
 */
export function lazyEngine(load: () => Promise<Engine>, poolPath: string): Engine {
  let loading: Promise<Engine> | undefined;
  const engine = (): Promise<Engine> =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
  return {
    poolPath,
    poolQuota: async () => (await engine()).poolQuota(),
    profiles: async () => (await engine()).profiles(),
    imageNames: async () => (await engine()).imageNames(),
    listImages: async () => (await engine()).listImages(),
    findByName: async (name) => (await engine()).findByName(name),
    facts: async (image) => (await engine()).facts(image),
    worldReadable: async (ref) => (await engine()).worldReadable(ref),
    state: async (ref) => (await engine()).state(ref),
    osRelease: async (image) => (await engine()).osRelease(image),
    inspect: async (request) => (await engine()).inspect(request),
    attach: async (request, how) => (await engine()).attach(request, how),
    detach: async (request, how) => (await engine()).detach(request, how),
    reattach: async (request, how) => (await engine()).reattach(request, how),
    attachAll: async (requests, how) => (await engine()).attachAll(requests, how),
    detachAll: async (requests, how) => (await engine()).detachAll(requests, how),
    reattachAll: async (requests, how) => (await engine()).reattachAll(requests, how),
    remove: async (image) => (await engine()).remove(image),
    markReadOnly: async (image, readOnly) => (await engine()).markReadOnly(image, readOnly),
    setImageLimit: async (image, bytes) => (await engine()).setImageLimit(image, bytes),
    setPoolLimit: async (bytes) => (await engine()).setPoolLimit(bytes),
  };
}
