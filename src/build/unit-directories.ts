/**
 * Directories that the service manager mounts for a service where the image must have them already: systemd.exec(5),
 * StateDirectory= and its like. (RuntimeDirectory= is in /run, which is a fresh one.)
 */
import { parseUnitFile } from '../base/unit-file.ts';
import type { StagingTree } from './tree.ts';
import type { ImageUnit } from './units.ts';

const places: ReadonlyMap<string, string> = new Map([
  ['StateDirectory', '/var/lib'],
  ['CacheDirectory', '/var/cache'],
  ['LogsDirectory', '/var/log'],
  ['ConfigurationDirectory', '/etc'],
]);

/** Makes those of all units that can be known: names with specifiers cannot. */
export function addUnitDirectories(tree: StagingTree, units: readonly ImageUnit[]): void {
  for (const { key, value } of units.flatMap(({ text }) => parseUnitFile(text))) {
    const place = places.get(key);
    if (place === undefined) continue;
    for (const name of value.split(/\s+/).flatMap(namesOf)) tree.directory(`${place}/${name}`);
  }
}

/** "name", "name:link" or "name:link:flags": both are mounted. */
function namesOf(word: string): readonly string[] {
  const [name = '', link = ''] = word.replace(/^"(.*)"$/, '$1').split(':');
  return [name, link].filter((each) => /^[^/%.\\'"][^%\\'"]*$/.test(each) && !each.split('/').includes('..'));
}
