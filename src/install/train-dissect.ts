/** Runs portabled-dissect like start-dissect.ts, and when it ends writes its code caches. Started by code-cache.ts. */
import { dissect } from './names.ts';
import { train } from './train.ts';

train(import.meta.dirname, dissect);
