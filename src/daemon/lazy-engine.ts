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
  let loaded: Engine | undefined;
  let loading: Promise<Engine> | undefined;
  const start = async (): Promise<Engine> => {
    try {
      return (loaded = await load());
    } finally {
      loading = undefined;
    }
  };
  // once it is there, without a promise in between
  const use = <T>(work: (engine: Engine) => Promise<T>): Promise<T> =>
    loaded === undefined ? (loading ??= start()).then(work) : work(loaded);
  return {
    poolPath,
    poolQuota: () => use((engine) => engine.poolQuota()),
    profiles: () => use((engine) => engine.profiles()),
    imageNames: () => use((engine) => engine.imageNames()),
    listImages: () => use((engine) => engine.listImages()),
    findByName: (name) => use((engine) => engine.findByName(name)),
    facts: (image) => use((engine) => engine.facts(image)),
    worldReadable: (ref) => use((engine) => engine.worldReadable(ref)),
    state: (ref) => use((engine) => engine.state(ref)),
    osRelease: (image) => use((engine) => engine.osRelease(image)),
    inspect: (request) => use((engine) => engine.inspect(request)),
    attach: (request, how) => use((engine) => engine.attach(request, how)),
    detach: (request, how) => use((engine) => engine.detach(request, how)),
    reattach: (request, how) => use((engine) => engine.reattach(request, how)),
    attachAll: (requests, how) => use((engine) => engine.attachAll(requests, how)),
    detachAll: (requests, how) => use((engine) => engine.detachAll(requests, how)),
    reattachAll: (requests, how) => use((engine) => engine.reattachAll(requests, how)),
    remove: (image) => use((engine) => engine.remove(image)),
    markReadOnly: (image, readOnly) => use((engine) => engine.markReadOnly(image, readOnly)),
    setImageLimit: (image, bytes) => use((engine) => engine.setImageLimit(image, bytes)),
    setPoolLimit: (bytes) => use((engine) => engine.setPoolLimit(bytes)),
  };
}
