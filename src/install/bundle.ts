/**
 * Makes the bundle: our programs in few files that need nothing but Node, to be installed or run as they are.
 *
 * esbuild follows the imports and leaves what is imported late in chunks of their own; each chunk is then turned into
 * a script in CommonJS form, which the programs' loaders (loader.ts) compile with V8's code cache. Node's own loader for ES
 * modules takes longer than all of our start, and knows no code cache on Node 20: docs/decisions/startup.md.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { emptyDir, outputFile } from 'fs-extra/esm';
import {
  build,
  transform,
  type BuildOptions,
  type Metafile,
  type Plugin,
  type TransformOptions,
} from 'esbuild';

import { repository } from './layout.ts';
import { builder, client, daemon, dissect, licenseFile, mainChunk, type Program } from './names.ts';

/** The oldest Node we run on. */
const target = 'node20';

/** What is bundled: each program has chunks of its own, and with them code caches of what it uses itself. */
const programs: readonly (Program & {
  readonly entry: string;
  readonly start: string;
  /** What writes its code caches; undefined for a program without. */
  readonly trainer?: { readonly source: string; readonly file: string };
})[] = [
  {
    ...daemon,
    entry: 'src/bin/portabled.ts',
    start: 'start.ts',
    trainer: { source: 'train-daemon.ts', file: daemon.train },
  },
  {
    ...client,
    entry: 'src/bin/portablectl.ts',
    start: 'start-client.ts',
    trainer: { source: 'train-client.ts', file: client.train },
  },
  {
    ...dissect,
    entry: 'src/bin/portabled-dissect.ts',
    start: 'start-dissect.ts',
    trainer: { source: 'train-dissect.ts', file: dissect.train },
  },
  { ...builder, entry: 'src/bin/portable-build.ts', start: 'start-build.ts' },
];

/** @param out the bundle's directory; whatever is in there is replaced */
export async function bundle(out: string): Promise<void> {
  await emptyDir(out);
  const metafiles = await Promise.all(
    programs.map(async ({ entry, start, trainer, ...program }) => {
      await bundleProgram(start, join(out, program.loader));
      if (trainer !== undefined) await bundleProgram(trainer.source, join(out, trainer.file));
      return bundleChunks(entry, join(out, program.chunks));
    }),
  );
  await writeFile(join(out, licenseFile), await licences(metafiles));
}

async function bundleChunks(entry: string, out: string): Promise<Metafile> {
  const { outputFiles, metafile } = await build({
    entryPoints: { [mainChunk]: join(repository, entry) },
    outdir: out,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target,
    // scripts know their directory by the name that CommonJS has for it
    define: { 'import.meta.dirname': '__dirname' },
    legalComments: 'none', // the licences are in a file of their own
    metafile: true,
    write: false,
    plugins: [leanDbusNext],
  });
  checkLateImports(metafile);
  const chunks = new Map(
    outputFiles.map(({ path, text }) => [basename(path), text.replace(/^#!.*\n/, '')] as const),
  );
  const main = `${mainChunk}.cjs`;
  const atOnce = neededBy(main, metafile);
  await outputFile(join(out, main), await scriptOfMain(main, atOnce, chunks));
  for (const [name, code] of chunks) {
    if (!atOnce.has(name)) await outputFile(join(out, name), scriptOf({ [name]: await commonJs(code) }));
  }
  return metafile;
}

/** A chunk and all that are loaded with it. */
function neededBy(first: string, { outputs }: Metafile): ReadonlySet<string> {
  const imports = Object.entries(outputs).flatMap(([from, { imports }]) =>
    imports
      .filter(({ kind, external }) => kind === 'import-statement' && external !== true)
      .map(({ path }) => [basename(from), basename(path)] as const),
  );
  const found = new Set([first]);
  // a set goes on to what is added to it meanwhile
  for (const name of found) {
    for (const [from, to] of imports) if (from === name) found.add(to);
  }
  return found;
}

/** What loader.ts reads: a script whose value is an object with a function for every chunk, by name. */
function scriptOf(chunks: Readonly<Record<string, string>>): string {
  const functions = Object.entries(chunks).map(
    ([name, code]) => `${JSON.stringify(name)}: function (exports, require, module, __dirname) {${code}\n}`,
  );
  return `({${functions.join(',\n')}})`;
}

/**
 * The chunks that are loaded at once, as one function: what they have of each other is their own then, and not got
 * through the exports of twenty, at every start. Chunks that are loaded late find the exports of each under its name.
 */
async function scriptOfMain(
  main: string,
  atOnce: ReadonlySet<string>,
  chunks: ReadonlyMap<string, string>,
): Promise<string> {
  const shared = [...atOnce].filter((name) => name !== main);
  const entry = [
    ...shared.map((name, i) => `export * as chunk${i} from './${name}';`),
    `import './${main}';`,
  ];
  const { outputFiles } = await build({
    ...asCommonJs,
    stdin: { contents: entry.join('\n') },
    bundle: true,
    write: false,
    plugins: [fromMemory(chunks)],
  });
  const code = outputFiles.map(({ text }) => asciiOnly(text)).join('');
  const exportsOf = shared.map((name, i) => [name, `module.exports=require('./${main}').chunk${i}`] as const);
  return scriptOf({ [main]: code, ...Object.fromEntries(exportsOf) });
}

/** Chunks that import each other at once; what they import late stays a chunk of its own. */
function fromMemory(chunks: ReadonlyMap<string, string>): Plugin {
  const namespace = 'chunk';
  return {
    name: 'from-memory',
    setup: (builder) => {
      builder.onResolve({ filter: /^\.\// }, ({ path, kind }) =>
        kind === 'dynamic-import' ? { path, external: true } : { path, namespace },
      );
      builder.onLoad({ filter: /^/, namespace }, ({ path }) => ({
        contents: chunks.get(basename(path)) ?? '',
      }));
    },
  };
}

/** import() becomes a require() that loader.ts answers. */
const asCommonJs = {
  format: 'cjs',
  platform: 'node',
  target,
  supported: { 'dynamic-import': false },
  minifyWhitespace: true,
  minifySyntax: true,
  // names stay, and lines are short, for stack traces
  lineLimit: 160,
} satisfies BuildOptions & TransformOptions;

async function commonJs(chunk: string): Promise<string> {
  return asciiOnly((await transform(chunk, asCommonJs)).code);
}

/** esbuild escapes strings and names; what is left is in regular expressions, which know the same escapes. */
function asciiOnly(code: string): string {
  return code.replace(/[^\0-\u007f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * import() of a CommonJS package gives what Node takes for its exports in one case, and only a default in the other.
 * @throws Error naming such imports: a module of ours in between, with an ordinary import, makes them equal
 */
function checkLateImports({ inputs }: Metafile): void {
  const late = Object.entries(inputs).flatMap(([from, { imports }]) =>
    imports
      .filter(({ kind, path }) => kind === 'dynamic-import' && inputs[path]?.format === 'cjs')
      .map(({ path }) => `${from} imports ${path}`),
  );
  if (late.length > 0) throw new Error(`import() of CommonJS packages: ${late.join(', ')}`);
}

/** A program of its own, in one file. */
async function bundleProgram(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [join(repository, 'src/install', source)],
    outfile,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target,
    define: { 'import.meta.dirname': '__dirname' },
    minifyWhitespace: true,
  });
}

/**
 * What dbus-next loads for nothing: objects and proxies of its own, which we do not use, with an XML parser and an
 * arithmetic library for them: time that every start would take.
 */
const leanDbusNext: Plugin = {
  name: 'lean-dbus-next',
  setup: (builder) => {
    const namespace = 'lean';
    const unused = /^(xml2js|jsbi|\.\/service\/handlers|\.\/service\/object|\.\/client\/proxy-object)$/;
    builder.onResolve({ filter: unused }, ({ path, importer }) =>
      importer.includes('/dbus-next/lib/') ? { path, namespace } : undefined,
    );
    builder.onLoad({ filter: unused, namespace }, ({ path }) => ({
      contents: `
        class Unused { constructor() { throw new Error('${path} of dbus-next is not part of the bundle'); } }
        module.exports = Unused;
        Unused.Builder = class { buildObject() { new Unused(); } };`,
    }));
  },
};

/** The licence of every package that is in the bundle, and our own. */
async function licences(metafiles: readonly Metafile[]): Promise<string> {
  const own = await readFile(join(repository, 'LICENSE'), 'utf8');
  const directories = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap(({ inputs }) => Object.keys(inputs))
    .map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1])
    .filter((directory) => directory !== undefined);
  const texts = await Promise.all([...new Set(directories)].sort().map(licenceOf));
  return [`portabled\n\n${own}`, ...texts].join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenceOf(directory: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const { name, version, license } = manifest as { name: string; version: string; license?: string };
  for (const file of [
    'LICENSE',
    'LICENSE.md',
    'license',
    'LICENSE.txt',
    'LICENCE',
    'LICENSE-MIT',
    'license.md',
  ]) {
    const text = await readFile(join(directory, file), 'utf8').catch(() => undefined);
    if (text !== undefined) return `${name} ${version}\n\n${text}`;
  }
  return `${name} ${version}\n\nLicence: ${license ?? 'unknown'}\n`;
}
