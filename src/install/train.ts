/**
 * Runs the daemon from the bundle named by the environment, and when it exits writes the code caches of all chunks it
 * loaded: V8 puts into them what was compiled, which is what was used. Started by code-cache.ts.
 */
import { writeFileSync } from 'node:fs';

import { chunkLoader, type Compiled } from './loader.ts';
import { chunkDirectory, mainChunk } from './names.ts';

const directory = process.env['PORTABLED_BUNDLE'];
if (directory === undefined) throw new Error('PORTABLED_BUNDLE is not set');

const compiled: Compiled[] = [];
process.on('exit', () => {
  for (const { file, script } of compiled) writeFileSync(`${file}.cache`, script.createCachedData());
});
chunkLoader(directory, chunkDirectory, (chunk) => compiled.push(chunk))(`${mainChunk}.cjs`);
