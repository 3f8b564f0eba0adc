/** Code caches of all chunks a program loaded: V8 puts into them what was compiled, which is what was used. */
import { writeFileSync } from 'node:fs';

import { startProgram, type Compiled } from './loader.ts';
import type { Program } from './names.ts';

/** Starts a program, and writes the caches when it ends. @param directory of the bundle */
export function train(directory: string, program: Program): void {
  const compiled: Compiled[] = [];
  process.on('exit', () => {
    for (const { file, script } of compiled) writeFileSync(`${file}.cache`, script.createCachedData());
  });
  startProgram(directory, program, (chunk) => compiled.push(chunk));
}
