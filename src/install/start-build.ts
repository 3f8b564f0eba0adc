/** The installed builder, portable-build.cjs: starts its chunks. */
import { startProgram } from './loader.ts';
import { builder } from './names.ts';

startProgram(import.meta.dirname, builder);
