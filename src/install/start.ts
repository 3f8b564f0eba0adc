/** The installed daemon, portabled.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { daemon } from './names.ts';

startProgram(import.meta.dirname, daemon);
