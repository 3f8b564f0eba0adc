/** An engine that notes what it is asked and answers with what it was given. */
import { PortableError } from '../../src/base/errors.ts';
import type { Image, ImageFacts } from '../../src/images/image.ts';
import type { Change, Outcome } from '../../src/portable/requests.ts';
import type { Engine } from '../../src/service/engine.ts';

export interface FakeEngine extends Engine {
  /** Every call: method name and arguments. */
  readonly asked: (readonly [method: string, ...args: unknown[]])[];
  /** Changed by tests. */
  worldReadableAnswer: boolean;
  /** Awaited by inspect() and attach() before they answer. */
  gate: Promise<unknown>;
  /** What inspect() gives as the content of unit.service. */
  unit: Buffer;
}

export const sampleNames = ['a b', 'minimal_1', 'ümlaut'];

export const sampleFacts: ImageFacts = {
  readOnly: true,
  creationTime: 1_700_000_000_123_456n,
  modificationTime: (1n << 53n) + 1n,
  usage: (1n << 63n) + 3n,
  limit: (1n << 64n) - 1n,
  usageExclusive: 5n,
  limitExclusive: 6n,
};

const changes: readonly Change[] = [
  { type: 'mkdir', path: '/etc/x', source: '' },
  { type: 'copy', path: '/etc/x/u.service', source: '/img/u.service' },
];

export function fakeEngine(): FakeEngine {
  const asked: (readonly [string, ...unknown[]])[] = [];
  const note = <T>(
    result: T | (() => T | Promise<T>),
    ...call: readonly [string, ...unknown[]]
  ): Promise<T> => {
    asked.push(call);
    return Promise.resolve(typeof result === 'function' ? (result as () => T | Promise<T>)() : result);
  };
  const engine: FakeEngine = {
    asked,
    worldReadableAnswer: true,
    gate: Promise.resolve(),
    unit: Buffer.from('[Service]\n'),
    poolPath: '/var/lib/portables',
    poolQuota: () => note({ usage: (1n << 60n) + 1n, limit: (1n << 64n) - 1n }, 'poolQuota'),
    profiles: () => note(['default', 'strict'], 'profiles'),
    imageNames: () => note(sampleNames, 'imageNames'),
    listImages: () =>
      note(
        sampleNames.map((name) => ({
          image: sampleImage(name),
          facts: sampleFacts,
          state: 'attached' as const,
        })),
        'listImages',
      ),
    findByName: (name) => note(() => found(name), 'findByName', name),
    facts: (image) => note(sampleFacts, 'facts', image.name),
    worldReadable: (ref) => note(() => engine.worldReadableAnswer, 'worldReadable', ref),
    state: (ref) => note('enabled-runtime' as const, 'state', ref),
    osRelease: (image) => note(new Map([['ID', 'debian']]), 'osRelease', image),
    inspect: async (request) => {
      asked.push(['inspect', request]);
      await engine.gate;
      return {
        image: '/var/lib/portables/minimal_1',
        osRelease: Buffer.from('ID=debian\n'),
        extensions: new Map(request.extensions.map((extension) => [extension, Buffer.from('ID=_any\n')])),
        units: new Map([['unit.service', engine.unit]]),
      };
    },
    attach: async (request) => {
      asked.push(['attach', request]);
      await engine.gate;
      return changes;
    },
    detach: (request) => note(changes, 'detach', request),
    reattach: (request) => note({ removed: changes.slice(0, 1), updated: changes }, 'reattach', request),
    attachAll: (requests) => note(outcome(requests.length), 'attachAll', requests),
    detachAll: (requests) => note(outcome(requests.length), 'detachAll', requests),
    reattachAll: (requests) => note(outcome(requests.length), 'reattachAll', requests),
    remove: (image) => note(undefined, 'remove', image),
    markReadOnly: (image, readOnly) => note(undefined, 'markReadOnly', image, readOnly),
    setImageLimit: (image, bytes) => note(undefined, 'setImageLimit', image, bytes),
    setPoolLimit: (bytes) => note(undefined, 'setPoolLimit', bytes),
  };
  return engine;
}

function outcome(count: number): Outcome {
  return { images: Array.from({ length: count }, () => changes), links: [] };
}

function sampleImage(name: string): Image {
  const path = `/var/lib/portables/${name}`;
  return { name, path, foundAt: path, type: 'directory', inSearchPath: true };
}

function found(name: string): Image {
  if (!sampleNames.includes(name)) throw new PortableError('NoSuchImage', `no image named '${name}'`);
  return sampleImage(name);
}
