import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseUnitFile } from '../../../src/base/unit-file.ts';
import { parseInstall } from '../../../src/host/enabling/install-section.ts';

const settings = (text: string): readonly string[] =>
  parseUnitFile(text).map(({ section, key, value, line }) => `${line} [${section}] ${key}=${value}`);

describe('settings of a unit file', () => {
  it('are told with their sections and lines', () => {
    const text = '\ufeffA=1\n[Unit]\n  Description = Some thing \r\n\n[Install]\nAlias=a.service=b\n';
    const expected = ['1 [] A=1', '3 [Unit] Description=Some thing', '6 [Install] Alias=a.service=b'];
    assert.deepEqual(settings(text), expected);
  });

  it('go on after a backslash, over comments, too; two backslashes are one', () => {
    const text =
      '[Service]\nExecStart=/bin/a \\\n# not this\n  ; nor this\n  b \\\nEnvironment=B=c\\\\\nC=d\\';
    const expected = ['2 [Service] ExecStart=/bin/a    b  Environment=B=c\\\\', '7 [Service] C=d'];
    assert.deepEqual(settings(text), expected);
  });

  it('are what is left when everything else is passed over', () => {
    assert.deepEqual(settings('nothing\n=x\n[half\n[half=x\n#A=1\n ;A=1\nB=\n'), ['7 [] B=']);
  });
});

describe('the [Install] section', () => {
  it('adds up, and an empty value starts over', () => {
    const [one, two] = ['[Install]\nAlias=a.service\nWantedBy=x.target "y.target"\n', '[Install]\nAlias=\n'];
    const { aliases, wantedBy } = parseInstall(one, two, '[Install]\nAlias=b.service \\\n c.service\n');
    assert.deepEqual(
      { aliases, wantedBy },
      { aliases: ['b.service', 'c.service'], wantedBy: ['x.target', 'y.target'] },
    );
  });

  it('is not what follows a line that ends in two backslashes', () => {
    assert.deepEqual(parseInstall('[Install]\nX-Note=a\\\\\nWantedBy=x.target\n').wantedBy, ['x.target']);
  });
});

describe('a unit file that is made to take long', () => {
  const many = 1024 * 1024;
  const files: Readonly<Record<string, string>> = {
    'blanks inside a value': `[Install]\nWantedBy=a${' '.repeat(many)}b\n`,
    'blanks without a value': `[Install]\na${' '.repeat(many)}b\n`,
    'continued lines': `[Install]\nAlias=${'\\\n'.repeat(many / 2)}`,
    'many settings': '[Install]\nWantedBy=a\n'.repeat(many / 21),
    brackets: `${'['.repeat(many)}\n[Install]\n`,
    backslashes: `[Install]\nAlias=${'\\'.repeat(many)}\n`,
    quotes: `[Install]\nAlias=${'"\' '.repeat(many / 3)}\n`,
  };
  for (const [what, text] of Object.entries(files)) {
    it(`takes no longer than others: ${what}`, () => {
      const began = performance.now();
      parseInstall(text);
      assert.ok(performance.now() - began < 5000);
    });
  }
});
