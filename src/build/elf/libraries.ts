/**
 * Finding the libraries of programs as the dynamic loader will when they run in the image: ld.so(8). What the image does
 * not have yet is looked for at the same place of the source root, and brought along.
 */
import { statSync, type Stats } from 'node:fs';
import path from 'node:path';

import { PortableError } from '../../base/errors.ts';
import { diskContent, wholeContent, type FileContent } from '../content.ts';
import type { Importer } from '../importer.ts';
import { readElf, type ElfFile, type ElfKind } from './elf-file.ts';
import { parseLoaderCache, type LoaderCache } from './loader-cache.ts';
import { defaultDirectories, expandTokens, hasOrigin } from './platforms.ts';

/** An object of the image that needs libraries. */
export interface LoadedObject {
  /** Where it really is in the image. */
  readonly path: string;
  readonly elf: ElfFile;
  readonly content: FileContent;
  /** RPATHs of those that loaded it, tokens replaced. */
  readonly inherited: readonly string[];
}

const cacheFile = '/etc/ld.so.cache';
const maxCacheBytes = 64 * 1024 * 1024;

/** musl's loader has one more default directory, and no cache. */
const muslDirectory = '/usr/local/lib';

export class Libraries {
  /** The source root's cache; undefined when it has none. */
  readonly cache: LoaderCache | undefined;
  readonly #importer: Importer;
  readonly #byName: ReadonlyMap<string, readonly string[]>;
  readonly #kinds = new Map<string, ElfKind | undefined>();

  /** @throws PortableError when the source root's cache cannot be read */
  static async of(importer: Importer): Promise<Libraries> {
    const found = importer.source.find(cacheFile);
    if (found?.stat.isFile() !== true) return new Libraries(importer, undefined);
    const content = diskContent(importer.source.onDisk(found.path), found.stat.size);
    return new Libraries(importer, parseLoaderCache(await wholeContent(content, maxCacheBytes)));
  }

  private constructor(importer: Importer, cache: LoaderCache | undefined) {
    this.#importer = importer;
    this.cache = cache;
    const byName = new Map<string, string[]>();
    for (const { name, path: file } of cache?.entries ?? []) {
      const files = byName.get(name);
      if (files === undefined) byName.set(name, [file]);
      else files.push(file);
    }
    this.#byName = byName;
  }

  /**
   * Where the library `name` that `object` asks for is in the image, now at the latest; undefined when it is missing.
   * @throws PortableError what reading the candidates throws
   */
  async find(name: string, object: LoadedObject): Promise<string | undefined> {
    if (name.startsWith('/')) return this.#candidate(name, object.elf);
    if (name.includes('/')) return undefined; // relative to wherever the program is started
    for (const directory of this.#searchPath(object)) {
      const place = path.posix.join(directory.expanded, name);
      const found =
        (await this.#candidate(place, object.elf)) ?? (await this.#beside(directory, name, place, object));
      if (found !== undefined) return found;
    }
    if (object.elf.noDefaultDirectories) return undefined;
    const defaults = [...defaultDirectories(object.elf), muslDirectory].map((each) => `${each}/${name}`);
    for (const place of [...(this.#byName.get(name) ?? []), ...defaults]) {
      const found = await this.#candidate(place, object.elf);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What objects loaded by this one inherit: its RPATHs, unless it has a RUNPATH. */
  inheritedFrom({ path: at, elf, inherited }: LoadedObject): readonly string[] {
    if (elf.runpath !== undefined) return inherited;
    const own = elf.rpath.flatMap((each) => expandTokens(each, path.posix.dirname(at), elf));
    return [...new Set([...own, ...inherited])];
  }

  /** The directories that the object and those that loaded it name. */
  #searchPath(object: LoadedObject): readonly { readonly named: string; readonly expanded: string }[] {
    const { elf, path: at, inherited } = object;
    const origin = path.posix.dirname(at);
    const own = (elf.runpath ?? elf.rpath).flatMap((named) =>
      expandTokens(named, origin, elf).map((expanded) => ({ named, expanded })),
    );
    // a relative directory depends on where the program is started
    const all = [
      ...own,
      ...(elf.runpath === undefined ? inherited.map((each) => ({ named: each, expanded: each })) : []),
    ];
    return all.filter(({ expanded }) => expanded.startsWith('/'));
  }

  /** The real path of a library of the right kind at this place of the image, or of the source root. */
  async #candidate(place: string, kind: ElfKind): Promise<string | undefined> {
    const { tree, source } = this.#importer;
    const there = tree.find(place);
    if (there !== undefined) {
      if (there.node.kind !== 'file') return undefined;
      return (await this.#isKind(there.node.content, `image:${there.path}`, kind)) ? there.path : undefined;
    }
    const found = source.find(place);
    if (found?.stat.isFile() !== true) return undefined;
    const file = source.onDisk(found.path);
    if (!(await this.#isKind(diskContent(file, found.stat.size), file, kind))) return undefined;
    return this.#importer.bring(place);
  }

  /**
   * A program of this machine that goes elsewhere in the image has its $ORIGIN here, too: what lies beside it here will
   * lie beside it there.
   */
  async #beside(
    { named }: { readonly named: string },
    name: string,
    place: string,
    { content, elf }: LoadedObject,
  ): Promise<string | undefined> {
    if (content.file === undefined || !hasOrigin(named)) return undefined;
    for (const directory of expandTokens(named, path.dirname(content.file), elf)) {
      const file = path.join(directory, name);
      const stat = statQuietly(file);
      if (stat?.isFile() !== true || !(await this.#isKind(diskContent(file, stat.size), file, elf))) continue;
      this.#importer.content({ source: file, local: true, destination: place });
      return this.#importer.tree.find(place)?.path;
    }
    return undefined;
  }

  /** The loader passes over what is for another machine, or nothing it knows. */
  async #isKind(content: FileContent, key: string, wanted: ElfKind): Promise<boolean> {
    if (!this.#kinds.has(key)) this.#kinds.set(key, await kindOf(content, key));
    const kind = this.#kinds.get(key);
    return kind !== undefined && sameKind(kind, wanted);
  }
}

/** Whether a loader for the one loads the other. */
export function sameKind(a: ElfKind, b: ElfKind): boolean {
  return a.bits === b.bits && a.littleEndian === b.littleEndian && a.machine === b.machine;
}

async function kindOf(content: FileContent, label: string): Promise<ElfKind | undefined> {
  try {
    return await readElf(content, label);
  } catch (error) {
    if (error instanceof PortableError && error.code === 'InvalidArgs') return undefined;
    throw error;
  }
}

function statQuietly(file: string): Stats | undefined {
  return statSync(file, { throwIfNoEntry: false });
}
