/** Runs the daemon like start.ts, and when it ends writes its code caches. Started by code-cache.ts. */
import { daemon } from './names.ts';
import { train } from './train.ts';

train(import.meta.dirname, daemon);
