import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

const top = path.join(import.meta.dirname, '../..');

interface Overrides {
  readonly [name: string]: string | Overrides;
}

describe('package.json', () => {
  it('overrides with plain versions, because the npm of Debian 13 cannot read a lock file with an alias', () => {
    const { overrides } = JSON.parse(readFileSync(path.join(top, 'package.json'), 'utf8')) as {
      readonly overrides: Overrides;
    };
    const values = (of: Overrides): readonly string[] =>
      Object.values(of).flatMap((value) => (typeof value === 'string' ? [value] : values(value)));
    assert.notEqual(values(overrides).length, 0);
    for (const value of values(overrides)) assert.match(value, /^\d+\.\d+\.\d+$/);
  });

  it('needs no package that has to be compiled or to run a script when it is installed', () => {
    const { packages } = JSON.parse(readFileSync(path.join(top, 'package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<
        Record<string, { readonly hasInstallScript?: boolean; readonly optional?: boolean }>
      >;
    };
    const scripted = Object.entries(packages)
      .filter(([, { hasInstallScript, optional }]) => hasInstallScript === true && optional !== true)
      .map(([name]) => name);
    // whose script only looks whether its program is there
    assert.deepEqual(scripted, ['node_modules/esbuild']);
  });
});
