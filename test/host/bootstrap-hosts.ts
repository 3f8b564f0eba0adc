/** Command: fills the cache of host trees ahead of the tests. `node --import tsx test/host/bootstrap-hosts.ts [SUITE…]` */
import { hostTree } from './bootstrap.ts';
import { hostSettings, parseSuite } from './settings.ts';
import { sweepStaleHosts } from './sweep.ts';

const settings = hostSettings(process.env);
const wanted = process.argv.slice(2).map(parseSuite);
await sweepStaleHosts(settings);
for (const suite of wanted.length > 0 ? wanted : (['bookworm', 'trixie'] as const)) {
  console.log(`${suite}: ${await hostTree(settings, suite)}`);
}
