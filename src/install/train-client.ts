/** Runs the client like start-client.ts, and when it ends writes its code caches. Started by code-cache.ts. */
import { client } from './names.ts';
import { train } from './train.ts';

train(import.meta.dirname, client);
