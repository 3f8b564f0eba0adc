/** The installed client, portablectl.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { client } from './names.ts';

startProgram(import.meta.dirname, client);
