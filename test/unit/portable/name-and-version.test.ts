import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nameAndVersion } from '../../../src/portable/drop-in.ts';

describe('name and version of an image', () => {
  const cases: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ IMAGE_ID: 'img', IMAGE_VERSION: '7', ID: 'os', VERSION_ID: '1' }, 'img_7'],
    [{ ID: 'os', VERSION_ID: '1', BUILD_ID: 'b' }, 'os_1'],
    [{ ID: 'os', BUILD_ID: 'b' }, 'os_b'],
    [{ ID: 'os', VERSION_ID: '', BUILD_ID: 'b' }, 'os_b'],
    [{ ID: 'os', VERSION: '9' }, 'os'],
    [{ ID: 'os', VERSION_ID: '1\n[Service]' }, 'os'],
    [{ IMAGE_ID: 'a\nb', VERSION_ID: '1' }, '1'],
    [{ VERSION_ID: '1' }, '1'],
    [{ NAME: 'os' }, ''],
  ];
  for (const [fields, expected] of cases) {
    it(`${JSON.stringify(fields)} is '${expected}'`, () => {
      assert.equal(nameAndVersion(new Map(Object.entries(fields)), ''), expected);
      const prefixed = Object.entries(fields).map(([key, value]) => [`SYSEXT_${key}`, value] as const);
      assert.equal(nameAndVersion(new Map(prefixed), 'SYSEXT_'), expected);
    });
  }
});
