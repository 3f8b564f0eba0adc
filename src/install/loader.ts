/**
 * Loads the chunks of the bundle: what `require` does, with V8's code cache. A file is a script whose value is an object
 * of chunks by their names, each a function. A cache that is missing, or was made by another version of Node or with
 * other flags, is no cache: the file is compiled as usual.
 */
import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

import { mainChunk, type Program } from './names.ts';

type Wrapper = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { exports: unknown },
  __dirname: string,
) => void;

/** A file of chunks as it was compiled. */
export interface Compiled {
  readonly file: string;
  readonly script: Script;
}

/**
 * Starts a program.
 * @param directory of the bundle
 * @param onCompiled told of every chunk that is loaded
 * @returns loads another chunk by its file name
 */
export function startProgram(
  directory: string,
  { chunks }: Program,
  onCompiled?: (compiled: Compiled) => void,
): (name: string) => unknown {
  const load = chunkLoader(directory, chunks, onCompiled);
  load(`${mainChunk}.cjs`);
  return load;
}

/**
 * @param directory of the bundle; what chunks see as their own
 * @param chunks directory of the chunks below it
 * @param onCompiled told of every chunk that is loaded
 * @returns loads a chunk by its file name
 */
function chunkLoader(
  directory: string,
  chunks: string,
  onCompiled: (compiled: Compiled) => void = () => undefined,
): (name: string) => unknown {
  const loaded = new Map<string, { exports: unknown }>();
  const wrappers = new Map<string, Wrapper>();
  const builtin = lateBuiltins(builtinModule);
  const read = (name: string): void => {
    const file = `${directory}/${chunks}/${name}`;
    const script = compile(file);
    onCompiled({ file, script });
    const inside = script.runInThisContext() as Readonly<Record<string, Wrapper>>;
    for (const [chunk, wrapper] of Object.entries(inside)) wrappers.set(chunk, wrapper);
  };
  const load = (name: string): unknown => {
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} as unknown };
    loaded.set(name, module);
    if (!wrappers.has(name)) read(name);
    const require = (id: string): unknown => (id.startsWith('./') ? load(id.slice(2)) : builtin(id));
    wrappers.get(name)?.(module.exports, require, module, directory);
    return module.exports;
  };
  return load;
}

/** There is nothing else to require: everything of others is in the bundle. require() itself takes longer to get. */
function builtinModule(id: string): unknown {
  const module: unknown = process.getBuiltinModule(id);
  if (module === undefined) throw new Error(`Node has no module ${id}`);
  return module;
}

/**
 * Modules of Node that take milliseconds to load, and that only some calls need: they are loaded when something of
 * them is first used. To whom looks at their names, too, they look as ever.
 */
const late = new Set([
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:os',
  'node:timers/promises',
  'node:tty',
  'node:util',
  'node:zlib',
]);

function lateBuiltins(load: (id: string) => unknown): (id: string) => unknown {
  const proxies = new Map<string, object>();
  return (id) => {
    if (!late.has(id)) return load(id);
    const known = proxies.get(id) ?? lateModule(() => load(id) as object);
    proxies.set(id, known);
    return known;
  };
}

function lateModule(load: () => object): object {
  return new Proxy(
    {},
    {
      get: (_, key) => Reflect.get(load(), key) as unknown,
      has: (_, key) => Reflect.has(load(), key),
      ownKeys: () => Reflect.ownKeys(load()),
      getOwnPropertyDescriptor: (_, key) => {
        const descriptor = Reflect.getOwnPropertyDescriptor(load(), key);
        // what the empty object behind a proxy does not have has to be configurable
        return descriptor && { ...descriptor, configurable: true };
      },
    },
  );
}

/** Compiles a file of chunks, from its code cache where that is valid. */
export function compile(file: string): Script {
  // esbuild writes ASCII, which is fastest to read as Latin-1
  const source = readFileSync(file, 'latin1');
  const cachedData = readCache(`${file}.cache`);
  return new Script(source, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}
