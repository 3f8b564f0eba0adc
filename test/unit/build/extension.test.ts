/** Extensions: what is in them, what they say they fit, and what is refused. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { hostArchitecture } from '../../../src/base/architecture.ts';
import { buildImage } from '../../../src/build/build.ts';
import type { BuildDescription } from '../../../src/build/description.ts';
import { Budget } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import { findExtensionRelease } from '../../../src/portable/extension-release.ts';
import { failsWith } from '../../support/fails-with.ts';
import { listTree } from '../../support/list-tree.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('extension');
let outputs = 0;

/** A system with a merged /usr and a script. */
const sourceRoot = directory('source', {
  'usr/lib/os-release': 'ID=debian\nVERSION_ID=12\n',
  'usr/share/tool/data': 'data',
  'etc/tool.conf': 'x',
});
const unit = path.join(
  directory('units', { 'tool.service': '[Service]\nExecStart=-/usr/bin/none\n' }),
  'tool.service',
);

function directory(name: string, files: Readonly<Record<string, string>>): string {
  const top = path.join(scratch, name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(top, file)), { recursive: true });
    writeFileSync(path.join(top, file), content);
  }
  return top;
}

function contents(...pairs: readonly string[]): NonNullable<BuildDescription['contents']> {
  return pairs.map((pair) => {
    const [source = '', destination = source] = pair.split(':');
    return { source, local: false, destination };
  });
}

async function build(more: Partial<BuildDescription>) {
  const outputDirectory = path.join(scratch, `out-${++outputs}`);
  mkdirSync(outputDirectory);
  const description = { name: 'tool', version: '2', sourceRoot, compression: 'gzip', ...more };
  try {
    const {
      outputs: [file = ''],
      units,
    } = await buildImage(description, { outputDirectory, searchPath: process.env['PATH'] ?? '' });
    const opened = await openImage({ path: file, type: 'raw' }, new Budget(file));
    try {
      const { fields } = await findExtensionRelease(
        opened.tree,
        { path: '/tool_2.raw', type: 'raw' },
        false,
        new Budget(file),
      );
      const files = (await listTree(opened.tree)).filter(({ stat }) => stat.kind !== 'directory');
      return {
        fields: Object.fromEntries(fields),
        files: files.map(({ line }) => line.split(' ')[0]),
        units,
      };
    } finally {
      await opened.close();
    }
  } catch (error) {
    assert.deepEqual(readdirSync(outputDirectory), [], 'nothing is left of a failed build');
    throw error;
  }
}

describe('system extensions', () => {
  const sysext = {
    type: 'sysext',
    contents: contents('/usr/share/tool', '/usr/share/tool/data:/opt/tool/data'),
  } as const;

  it('have only what is merged, and say what they fit', async () => {
    const { fields, files, units } = await build({ ...sysext, units: [unit], description: 'A tool' });
    assert.deepEqual(files, [
      'opt/tool/data',
      'usr/lib/extension-release.d/extension-release.tool_2',
      'usr/lib/systemd/system/tool.service',
      'usr/share/tool/data',
    ]);
    assert.deepEqual(fields, {
      ID: 'debian',
      VERSION_ID: '12',
      ARCHITECTURE: hostArchitecture,
      SYSEXT_ID: 'tool',
      SYSEXT_VERSION_ID: '2',
      SYSEXT_PRETTY_NAME: 'A tool',
      PORTABLE_PREFIXES: 'tool',
    });
    assert.deepEqual(units, ['tool.service']);
  });

  it('may have no units', async () => {
    const { units, fields } = await build(sysext);
    assert.deepEqual(units, []);
    assert.equal(fields['PORTABLE_PREFIXES'], undefined);
  });

  it('say what they are told to', async () => {
    const { fields } = await build({
      ...sysext,
      fields: ['ID=_any', 'ARCHITECTURE=_any', 'SYSEXT_SCOPE=portable system'],
    });
    assert.deepEqual(
      [fields['ID'], fields['VERSION_ID'], fields['ARCHITECTURE'], fields['SYSEXT_SCOPE']],
      ['_any', undefined, '_any', 'portable system'],
    );
  });

  it('fit their base, by version or by level', async () => {
    const versioned = directory('versioned', { 'etc/os-release': 'ID=fedora\nVERSION_ID=40\n' });
    assert.deepEqual((await build({ ...sysext, base: versioned })).fields['VERSION_ID'], '40');
    const levelled = directory('levelled', {
      'etc/os-release': 'ID=fedora\nVERSION_ID=40\nSYSEXT_LEVEL=1.0\n',
    });
    const { fields } = await build({ ...sysext, base: levelled });
    assert.deepEqual(
      [fields['ID'], fields['VERSION_ID'], fields['SYSEXT_LEVEL']],
      ['fedora', undefined, '1.0'],
    );
    await failsWith(
      build({ ...sysext, base: levelled, fields: ['ID=debian'] }),
      'Stale',
      /ID=debian, which is not ID=fedora of the image/,
    );
    await failsWith(
      build({ ...sysext, base: versioned, fields: ['VERSION_ID=39'] }),
      'Stale',
      /VERSION_ID=39, which is not VERSION_ID=40 of the image/,
    );
    await failsWith(
      build({ ...sysext, base: versioned, fields: ['ARCHITECTURE=s390x'] }),
      'Stale',
      /ARCHITECTURE=s390x/,
    );
    await failsWith(
      build({ ...sysext, base: versioned, fields: ['SYSEXT_SCOPE=initrd'] }),
      'Stale',
      /SYSEXT_SCOPE=initrd, which does not name "portable"/,
    );
    await failsWith(
      build({ ...sysext, base: directory('empty', { x: '' }) }),
      'InvalidArgs',
      /has no os-release/,
    );
    await failsWith(build({ ...sysext, base: path.join(scratch, 'missing') }), 'FileNotFound', /cannot open/);
  });

  it('have nothing elsewhere', async () => {
    await failsWith(
      build({ ...sysext, contents: contents('/etc/tool.conf') }),
      'InvalidArgs',
      /a sysext has only \/usr and \/opt in it, not \/etc\/tool\.conf/,
    );
    await failsWith(
      build({ ...sysext, contents: contents('/usr/share/tool/data:/usr/lib/os-release') }),
      'InvalidArgs',
      /must not have \/usr\/lib\/os-release/,
    );
  });

  it('have fields that there are', async () => {
    const cases: Readonly<Record<string, RegExp>> = {
      'SYSEXT_LEVL=1': /did you mean "SYSEXT_LEVEL"/,
      'CONFEXT_LEVEL=1': /no field of an extension-release file/,
      ID: /no field/,
      'ID=Debian': /ID=Debian is no value/,
      'ARCHITECTURE=amd64': /as systemd names them/,
      'SYSEXT_SCOPE=system everywhere': /one or more of system/,
    };
    for (const [field, message] of Object.entries(cases))
      await failsWith(build({ ...sysext, fields: [field] }), 'InvalidArgs', message);
  });
});

describe('configuration extensions', () => {
  const confext = { type: 'confext', contents: contents('/etc/tool.conf') } as const;

  it('have only /etc', async () => {
    const { fields, files } = await build({ ...confext, units: [unit], fields: ['CONFEXT_LEVEL=7'] });
    assert.deepEqual(files, [
      'etc/extension-release.d/extension-release.tool_2',
      'etc/systemd/system/tool.service',
      'etc/tool.conf',
    ]);
    assert.deepEqual(fields, {
      ID: 'debian',
      CONFEXT_LEVEL: '7',
      CONFEXT_ID: 'tool',
      CONFEXT_VERSION_ID: '2',
      PORTABLE_PREFIXES: 'tool',
    });
    await failsWith(
      build({ ...confext, contents: contents('/usr/share/tool') }),
      'InvalidArgs',
      /a confext has only \/etc in it, not \/usr\/share\/tool\/data .*sysext/,
    );
  });
});

describe('parameters of extensions', () => {
  it('must go together', async () => {
    await failsWith(build({ base: '/' }), 'InvalidArgs', /only extensions have a base/);
    await failsWith(build({ fields: ['ID=x'] }), 'InvalidArgs', /only extensions have a base and fields/);
    await failsWith(
      build({ type: 'sysext', container: '/x' }),
      'InvalidArgs',
      /whole system, and no extension/,
    );
  });
});
