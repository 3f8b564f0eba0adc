/** The installed program, portabled.cjs: starts the bundle. */
import { chunkDirectory, mainChunk } from './names.ts';
import { chunkLoader } from './loader.ts';

chunkLoader(import.meta.dirname, chunkDirectory)(`${mainChunk}.cjs`);
