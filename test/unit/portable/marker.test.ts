import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatMarker, parseMarker } from '../../../src/portable/marker.ts';

describe('marker', () => {
  const paths = [
    '/var/lib/portables/foo_1.raw',
    "/srv/it's here",
    '/srv/a:b',
    '/srv/back\\slash',
    '/srv/\\x3a',
    '/srv/ümlaut 日本',
    '/srv/q"uote',
    '/srv/per%cent $x',
    "/srv/x', do not edit.",
    '/srv/new\nline',
  ];

  for (const path of paths) {
    it(`brings back ${JSON.stringify(path)}`, () => {
      const line = formatMarker([path]);
      assert.ok(!line.includes('\n'));
      assert.deepEqual(parseMarker(line), [path]);
    });
  }

  it('keeps the order of extensions', () => {
    assert.deepEqual(parseMarker(formatMarker(paths)), paths);
  });

  it('is written as systemd 262 writes it', () => {
    // seen in drop-ins of systemd 262
    assert.equal(
      formatMarker(['/srv/x/raw_1.raw']),
      "# Drop-in created for image '/srv/x/raw_1.raw', do not edit.",
    );
    assert.equal(
      formatMarker(['/srv/x/col:on']),
      "# Drop-in created for image '/srv/x/col\\x3aon', do not edit.",
    );
    assert.equal(
      formatMarker(['/srv/x/ba\\ck']),
      "# Drop-in created for image '/srv/x/ba\\x5cck', do not edit.",
    );
    assert.equal(
      formatMarker(['/srv/x/ümlaut']),
      "# Drop-in created for image '/srv/x/\\xc3\\xbcmlaut', do not edit.",
    );
    assert.equal(
      formatMarker(['/a.raw', '/b.raw']),
      "# Drop-in created for image '/a.raw:/b.raw', do not edit.",
    );
  });

  it('reads the unescaped text of older versions', () => {
    assert.deepEqual(parseMarker("# Drop-in created for image '/srv/ü\\y', do not edit."), ['/srv/ü\\y']);
  });

  for (const line of [
    '',
    '# Drop-in created for image',
    "# Drop-in created for image '', do not edit.",
    "# Drop-in created for image 'relative', do not edit.",
    "# Drop-in created for image '/a::/b', do not edit.",
    "# Drop-in created for image '/bad\\xff', do not edit.",
    "# Drop-in created for image '/nul\\x00', do not edit.",
    "# Drop-in created for image '/a', do not edit. ",
    '[Service]',
  ]) {
    it(`is not ${JSON.stringify(line)}`, () => {
      assert.equal(parseMarker(line), undefined);
    });
  }
});
