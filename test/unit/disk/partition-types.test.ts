import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { designators, linuxGeneric, partitionType } from '../../../src/disk/partition/discoverable.ts';
import { typesByArchitecture } from '../../../src/disk/partition/type-table.ts';

/** What `systemd-id128 show` of systemd 262 on x86-64 prints: name → UUID. */
function systemdTypes(): Map<string, string> {
  const text = readFileSync(new URL('../../fixtures/gpt-types.txt', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .map((line) => /^(\S+)\s+([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(line));
  return new Map(rows.flatMap((row) => (row === null ? [] : [[row[1]!, row.slice(2).join('-')]])));
}

describe('partition types', () => {
  const theirs = systemdTypes();

  it('are those of systemd 262, under the same names', () => {
    assert.equal(theirs.size, 231);
    let compared = 0;
    for (const [architecture] of Object.entries(typesByArchitecture)) {
      // systemd 262 has no name for these
      if (['m68k', 'sh', 'sparc64'].includes(architecture)) continue;
      for (const designator of [
        'root',
        'root-verity',
        'root-verity-sig',
        'usr',
        'usr-verity',
        'usr-verity-sig',
      ] as const) {
        const [data, ...rest] = designator.split('-');
        const uuid = theirs.get([data, architecture, ...rest].join('-'));
        assert.deepEqual(
          partitionType(uuid ?? ''),
          { designator, architecture },
          `${designator} ${architecture}`,
        );
        compared++;
      }
    }
    assert.equal(compared, 21 * 6);
    for (const designator of designators.filter((name) => !/^(root|usr)/.test(name))) {
      assert.deepEqual(partitionType(theirs.get(designator) ?? ''), { designator, architecture: undefined });
    }
    assert.equal(linuxGeneric, theirs.get('linux-generic'));
  });

  it('leave none out that systemd 262 knows, but for the homes of users', () => {
    const missing = [...theirs].filter(([, uuid]) => partitionType(uuid) === undefined).map(([name]) => name);
    assert.deepEqual(missing, ['user-home', 'linux-generic']);
  });

  it('are all different', () => {
    const uuids = Object.values(typesByArchitecture).flat();
    assert.equal(new Set(uuids).size, uuids.length);
    for (const uuid of uuids) assert.match(uuid, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });
});
