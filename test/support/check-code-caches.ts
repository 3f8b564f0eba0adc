/**
 * Tells which chunks of the bundle in argv[2] have a code cache that this very Node takes; to be started with the
 * flags of the daemon. Prints one "taken NAME" or "rejected NAME" per cache.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../src/install/loader.ts';
import { client, daemon } from '../../src/install/names.ts';

for (const { chunks } of [daemon, client]) {
  const directory = join(process.argv[2] ?? '', chunks);
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.cjs'))) {
    if (!existsSync(join(directory, `${name}.cache`))) continue;
    const { cachedDataRejected } = compile(join(directory, name));
    console.log(cachedDataRejected === false ? 'taken' : 'rejected', `${chunks}/${name}`);
  }
}
