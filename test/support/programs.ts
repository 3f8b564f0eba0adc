/** Small dynamically linked programs, compiled in tests. Needs gcc (packages gcc and libc6-dev). */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runSync } from './run.ts';

export interface ProgramOptions {
  readonly source: string;
  /** Shared object with this SONAME; a program otherwise. */
  readonly soname?: string;
  /** Files to link with. */
  readonly libraries?: readonly string[];
  readonly runpath?: string;
  /** The old kind, which libraries inherit. */
  readonly rpath?: string;
  readonly flags?: readonly string[];
}

/** Compiles C into `file`; what it needs at run time is found by `runpath` or `rpath`, or not at all. */
export function compile(file: string, options: ProgramOptions): void {
  const { source, soname, libraries = [], runpath, rpath, flags = [] } = options;
  mkdirSync(path.dirname(file), { recursive: true });
  const code = `${file}.c`;
  writeFileSync(code, source);
  runSync('gcc', [
    ...(soname === undefined ? [] : ['-shared', '-fPIC', `-Wl,-soname,${soname}`]),
    ...(runpath === undefined ? [] : [`-Wl,--enable-new-dtags,-rpath,${runpath}`]),
    ...(rpath === undefined ? [] : [`-Wl,--disable-new-dtags,-rpath,${rpath}`]),
    // libraries that libraries need are found at run time, or it is the test that they are not
    '-Wl,--no-as-needed,--allow-shlib-undefined,--unresolved-symbols=ignore-in-shared-libs',
    ...flags,
    '-o',
    file,
    code,
    ...libraries,
  ]);
  runSync('rm', [code]);
}
