/** The installed daemon, portabled.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { daemon } from './names.ts';
import { tuneForCalls } from './long-running.ts';

startProgram(import.meta.dirname, daemon);
tuneForCalls();
