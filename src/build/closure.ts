/**
 * The closure: everything that the programs and scripts of the tree need to start. Each file is looked at once (once
 * per way to search libraries, to be exact), what it needs is brought, and looked at in turn.
 */
import path from 'node:path';

import { PortableError, quoted } from '../base/errors.ts';
import { inlineContent, type FileContent } from './content.ts';
import { looksLikeElf, readElf, type ElfFile, type ElfKind } from './elf/elf-file.ts';
import { Libraries, sameKind, type LoadedObject } from './elf/libraries.ts';
import { formatLoaderCache } from './elf/loader-cache.ts';
import { programDirectories } from './exec-line.ts';
import type { Importer } from './importer.ts';
import { interpreterOf, scriptHeadBytes } from './script.ts';
import type { StagedFile } from './tree.ts';

export interface ClosureSettings {
  readonly importer: Importer;
  /** Paths of what was asked for by name: what they lack is an error, and interpreters among them bring their modules. */
  readonly programs: readonly string[];
  /** Looks at every file of the tree, and not only at the programs. */
  readonly everything: boolean;
  /** Brings what an interpreter needs besides its libraries. */
  readonly bringModules: (program: string) => void;
  readonly signal: AbortSignal;
}

/** glibc loads it when a thread ends early; no header says so: pthread_exit(3). */
const unwinder = 'libgcc_s.so.1';

/** Of packages that are on every Debian system, and that none depends on. */
const shells = ['/bin/sh', '/bin/bash', '/usr/bin/sh', '/usr/bin/bash', '/usr/bin/env'];

const loaderCache = '/etc/ld.so.cache';

/**
 * Completes the tree.
 * @throws PortableError FileNotFound naming every missing library, loader and interpreter, and who needs it
 */
export async function close(settings: ClosureSettings): Promise<void> {
  const closure = new Closure(settings, await Libraries.of(settings.importer));
  for (const program of settings.programs) await closure.program(program);
  if (settings.everything) await closure.everything();
  closure.refuseMissing();
  closure.writeLoaderCache();
}

class Closure {
  readonly #settings: ClosureSettings;
  readonly #importer: Importer;
  readonly #libraries: Libraries;
  readonly #seen = new Set<StagedFile>();
  readonly #loaded = new Set<string>();
  readonly #programs = new Set<string>();
  /** What is missing, and who needs it. */
  readonly #missing = new Map<string, Set<string>>();
  /** Libraries that plug-ins lack: perhaps whoever loads them has them. */
  readonly #hopes: { readonly name: string; readonly object: LoadedObject }[] = [];
  /** What every ELF file of the image is for, by its file name. */
  readonly #byName = new Map<string, ElfKind[]>();

  constructor(settings: ClosureSettings, libraries: Libraries) {
    this.#settings = settings;
    this.#importer = settings.importer;
    this.#libraries = libraries;
  }

  /** A file that is going to be executed. */
  async program(at: string): Promise<void> {
    const found = this.#importer.tree.find(at);
    if (found?.node.kind !== 'file' || this.#programs.has(found.path)) return;
    this.#programs.add(found.path);
    this.#seen.add(found.node);
    await this.#look(found.path, found.node);
    this.#settings.bringModules(found.path);
  }

  /** All that is in the tree, until nothing comes along any more. */
  async everything(): Promise<void> {
    for (let before = -1; before !== this.#seen.size;) {
      before = this.#seen.size;
      for (const { path: at, node } of [...this.#importer.tree.walk()]) {
        if (node.kind !== 'file' || this.#seen.has(node)) continue;
        this.#seen.add(node);
        await this.#look(at, node);
      }
    }
  }

  /** @throws PortableError FileNotFound */
  refuseMissing(): void {
    for (const { name, object } of this.#hopes) {
      const there = this.#byName.get(name)?.some((kind) => sameKind(kind, object.elf)) ?? false;
      if (!there) this.#lacks(name, object.path);
    }
    if (this.#missing.size === 0) return;
    const lines = [...this.#missing].map(([what, who]) => {
      const [first = '', ...others] = [...who].map(quoted);
      const more = others.length === 0 ? '' : ` and ${others.length} more`;
      return `${what} is missing, needed by ${first}${more}`;
    });
    const { directory } = this.#importer.source;
    throw new PortableError('FileNotFound', lines.join('\n'), {
      file: [...this.#missing.keys()][0],
      hint: `install it in ${directory}, or leave out what needs it with --exclude`,
    });
  }

  /** What the source root's loader finds by its cache, the image's finds by the same entries. */
  writeLoaderCache(): void {
    const { tree } = this.#importer;
    const cache = this.#libraries.cache;
    if (cache === undefined || tree.find(loaderCache) !== undefined) return;
    const entries = cache.entries.filter(({ path: file }) => tree.find(file)?.node.kind === 'file');
    if (entries.length === 0) return;
    const content = inlineContent(formatLoaderCache({ ...cache, entries }));
    tree.put(loaderCache, { kind: 'file', mode: 0o644, content });
  }

  async #look(at: string, { content, mode }: StagedFile): Promise<void> {
    this.#settings.signal.throwIfAborted();
    const head = await headOf(content);
    if (looksLikeElf(head)) {
      const elf = await this.#elfOf(at, content);
      if (elf !== undefined) await this.#load({ path: at, elf, content, inherited: [] });
    } else if ((mode & 0o111) !== 0) {
      await this.#script(at, head);
    }
  }

  /** Broken files may lie around, but not be run. */
  async #elfOf(at: string, content: FileContent): Promise<ElfFile | undefined> {
    try {
      return await readElf(content, at);
    } catch (error) {
      const broken = error instanceof PortableError && error.code === 'InvalidArgs';
      if (!broken || this.#programs.has(at)) throw error;
      this.#importer.warnings.push(error.message);
      return undefined;
    }
  }

  async #load(object: LoadedObject): Promise<void> {
    const { path: at, elf, inherited } = object;
    const way = `${at}\0${inherited.join(':')}`;
    if (this.#loaded.has(way)) return;
    this.#loaded.add(way);
    this.#remember(at, elf);
    if (elf.interpreter !== undefined) await this.#loader(elf.interpreter, object);
    for (const name of elf.needed) {
      const found = await this.#libraries.find(name, object);
      if (found === undefined) {
        if (elf.interpreter === undefined && inherited.length === 0) this.#hopes.push({ name, object });
        else this.#lacks(name, at);
      } else {
        await this.#library(found, this.#libraries.inheritedFrom(object));
      }
    }
  }

  async #library(at: string, inherited: readonly string[]): Promise<void> {
    const node = this.#importer.tree.find(at)?.node;
    if (node?.kind !== 'file') return;
    this.#seen.add(node);
    const elf = await this.#elfOf(at, node.content);
    if (elf !== undefined) await this.#load({ path: at, elf, content: node.content, inherited });
  }

  async #loader(interpreter: string, object: LoadedObject): Promise<void> {
    const found = this.#importer.bring(interpreter);
    if (found === undefined) {
      this.#lacks(`the dynamic loader ${quoted(interpreter)}`, object.path);
      return;
    }
    await this.#library(found, []);
    if (!path.posix.basename(interpreter).startsWith('ld-linux')) return;
    const unwind = await this.#libraries.find(unwinder, object);
    if (unwind !== undefined) await this.#library(unwind, []);
  }

  async #script(at: string, head: Buffer): Promise<void> {
    const interpreter = interpreterOf(head);
    if (interpreter === undefined) return;
    const { program, viaEnv } = interpreter;
    const named = viaEnv === undefined ? [program] : [program, viaEnv];
    for (const each of named) {
      const found = this.#mayBring(at, each) ? bringProgram(this.#importer, each) : undefined;
      if (found !== undefined) await this.program(found);
      else if (this.#programs.has(at)) this.#lacks(`the interpreter ${quoted(each)}`, at);
      else
        this.#importer.warnings.push(
          `${quoted(at)} cannot run: its interpreter ${quoted(each)} is not in the image`,
        );
    }
  }

  /**
   * A package says on which others it depends: scripts of it that need more (examples, hooks of programs that are not
   * there) do not run without it either. Shells are taken for granted.
   */
  #mayBring(script: string, interpreter: string): boolean {
    const { listed, tree } = this.#importer;
    if (!listed.has(script) || this.#programs.has(script) || shells.includes(interpreter)) return true;
    return placesOf(interpreter).some((each) => tree.find(each) !== undefined);
  }

  #remember(at: string, { bits, littleEndian, machine }: ElfKind): void {
    const name = path.posix.basename(at);
    const kinds = this.#byName.get(name) ?? [];
    kinds.push({ bits, littleEndian, machine });
    this.#byName.set(name, kinds);
  }

  #lacks(what: string, who: string): void {
    const others = this.#missing.get(what) ?? new Set();
    this.#missing.set(what, others.add(who));
  }
}

/**
 * A program by its absolute path, or by its name in the directories that services search.
 * @returns its real path in the image; undefined when neither the image nor the source root has it
 */
export function bringProgram(importer: Importer, program: string): string | undefined {
  const places = placesOf(program);
  const there = places.map((each) => importer.tree.find(each)?.path).find((each) => each !== undefined);
  if (there !== undefined) return there;
  return places.map((each) => importer.bring(each)).find((each) => each !== undefined);
}

function placesOf(program: string): readonly string[] {
  return program.includes('/') ? [program] : programDirectories.map((each) => `${each}/${program}`);
}

async function headOf(content: FileContent): Promise<Buffer> {
  const opened = await content.open();
  try {
    return await opened.read(0, scriptHeadBytes);
  } finally {
    await opened.close();
  }
}
