/** The installed daemon, portabled.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { daemon } from './names.ts';
import { keepHeapSmall } from './small-heap.ts';

startProgram(import.meta.dirname, daemon);
keepHeapSmall();
