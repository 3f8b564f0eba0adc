/**
 * Runs the daemon like start.ts, and when it ends writes the code caches of all chunks: V8 puts into them what was
 * compiled, which is what was used. What was not, such as polkit on a bus without it, is at least loaded. Started by
 * code-cache.ts.
 */
import { readdirSync, writeFileSync } from 'node:fs';

import { chunkLoader, type Compiled } from './loader.ts';
import { chunkDirectory, mainChunk } from './names.ts';

const compiled: Compiled[] = [];
const load = chunkLoader(import.meta.dirname, chunkDirectory, (chunk) => compiled.push(chunk));
process.on('exit', () => {
  const chunks = readdirSync(`${import.meta.dirname}/${chunkDirectory}`);
  for (const chunk of chunks.filter((name) => name.endsWith('.cjs'))) load(chunk);
  for (const { file, script } of compiled) writeFileSync(`${file}.cache`, script.createCachedData());
});
load(`${mainChunk}.cjs`);
