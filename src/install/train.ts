/**
 * Code caches of all chunks of a program: V8 puts into them what was compiled, which is what was used. Chunks that were not
 * used, such as the one for polkit on a bus without it, are at least loaded.
 */
import { readdirSync, writeFileSync } from 'node:fs';

import { startProgram, type Compiled } from './loader.ts';
import type { Program } from './names.ts';

/** Starts a program, and writes the caches when it ends. @param directory of the bundle */
export function train(directory: string, program: Program): void {
  const compiled: Compiled[] = [];
  process.on('exit', () => {
    const chunks = readdirSync(`${directory}/${program.chunks}`);
    for (const chunk of chunks.filter((name) => name.endsWith('.cjs'))) load(chunk);
    for (const { file, script } of compiled) writeFileSync(`${file}.cache`, script.createCachedData());
  });
  const load = startProgram(directory, program, (chunk) => compiled.push(chunk));
}
