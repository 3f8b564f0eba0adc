/** The installed portabled-dissect.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { dissect } from './names.ts';

startProgram(import.meta.dirname, dissect);
