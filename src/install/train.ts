/**
 * Runs the daemon like start.ts, and when it ends writes the code caches of all chunks it loaded: V8 puts into them what
 * was compiled, which is what was used. Started by code-cache.ts.
 */
import { writeFileSync } from 'node:fs';

import { chunkLoader, type Compiled } from './loader.ts';
import { chunkDirectory, mainChunk } from './names.ts';

const compiled: Compiled[] = [];
process.on('exit', () => {
  for (const { file, script } of compiled) writeFileSync(`${file}.cache`, script.createCachedData());
});
chunkLoader(import.meta.dirname, chunkDirectory, (chunk) => compiled.push(chunk))(`${mainChunk}.cjs`);
