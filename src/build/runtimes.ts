/** What interpreters need besides libraries: their own modules. */
import path from 'node:path';

import type { Importer } from './importer.ts';
import type { DebianPackage, Dpkg } from './packages/dpkg.ts';

/** What a CPython of this name looks for beside itself: lib/python3.11/os.py says where its modules are. */
const python = /^python(\d+\.\d+)$/;

/** Tests and what compiles extensions: no service runs them. */
const unusedByPython = ['test', 'idlelib', 'lib2to3/tests', 'turtledemo', 'ensurepip'];

/** Interpreters whose modules are packages: their own, and what else the modules are in. */
const packaged: readonly {
  readonly program: RegExp;
  readonly packages: (owner: DebianPackage) => readonly string[];
}[] = [
  { program: /^perl[\d.]*$/, packages: ({ name }) => [name, 'perl'] },
  // Debian's own has parts of its library in packages; others are one file
  {
    program: /^node(?:js)?$/,
    packages: ({ depends }) => depends.flat().filter((name) => /^libnode\d+$/.test(name)),
  },
  { program: /^(?:ruby|php|lua|tclsh|guile|erl|Rscript)[\d.-]*$/, packages: ({ name }) => [name] },
];

/**
 * Brings the modules of an interpreter; nothing happens for any other program.
 * @param program its real path in the image and the source root
 * @param dpkg the source root's packages; undefined when it has none
 * @returns the packages that are to be taken for it
 */
export function bringModules(
  importer: Importer,
  program: string,
  dpkg: Dpkg | undefined,
): readonly DebianPackage[] {
  const name = path.posix.basename(program);
  const version = python.exec(name)?.[1];
  if (version !== undefined) bringPython(importer, path.posix.join(program, '../../lib', `python${version}`));
  const rule = packaged.find((each) => each.program.test(name));
  const owner = rule === undefined ? undefined : dpkg?.owner(program);
  if (dpkg === undefined || rule === undefined || owner === undefined) return [];
  return rule.packages(owner).flatMap((each) => dpkg.anyOf([each]) ?? []);
}

function bringPython(importer: Importer, modules: string): void {
  if (importer.source.find(`${modules}/os.py`) === undefined) return;
  const unused = unusedByPython.map((name) => `${modules}/${name}`);
  importer.bringAll(
    modules,
    (inImage) =>
      // compiled modules carry the time of their source, which is another one in the image
      inImage.endsWith('/__pycache__') || unused.includes(inImage) || /\/config-[^/]+$/.test(inImage),
  );
}
