/** SELinux as far as it can be had without a kernel that has it: a selinuxfs of files, and tools that write down what they do. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, it } from 'node:test';
import { silentLog } from '../../../src/base/log.ts';
import { apply } from '../../../src/transaction/apply.ts';
import { Labels } from '../../../src/transaction/labels.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import {
  attached,
  environment,
  links,
  plan,
  plantScenario,
  present,
  step,
  unitSteps,
} from '../../support/transaction-host.ts';

const scratch = scratchDirectory('labels');
const selinuxfs = path.join(scratch, 'selinux');
const tools = path.join(scratch, 'tools');
const log = path.join(scratch, 'log');
let root: string;
const warnings: string[] = [];

/** Answers "TYPE:LAST PART OF THE PATH"; notes what is labelled, and whether the unit could be seen by then. */
const matchpathcon = `#!/bin/sh
type=$3; shift 3
for file; do case $file in */b.socket) echo '<<none>>';; *) echo "$type:\${file##*/}";; esac; done
`;
const chcon = (unit: string): string => `#!/bin/sh
context=$3; shift 3
for file; do echo "$context $file $([ -e "${unit}" ] && echo visible)" >> "${log}"; done
`;

function tool(name: string, text: string): void {
  writeFileSync(path.join(tools, name), text);
  chmodSync(path.join(tools, name), 0o755);
}

beforeEach(() => {
  for (const directory of [selinuxfs, tools]) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
  }
  rmSync(log, { force: true });
  warnings.length = 0;
  root = plantScenario(scratch, { plant: () => undefined, plan: plan('attach') });
  mkdirSync(path.join(root, 'srv/tree'), { recursive: true });
  tool('matchpathcon', matchpathcon);
  tool('chcon', chcon(path.join(root, attached, 'a.service')));
});

const attach = () =>
  apply(
    plan(
      'attach',
      step.mkdir(attached),
      ...unitSteps('a.service', '1'),
      ...unitSteps('b.socket', '1'),
      step.symlink(`${links}/image`, '/srv/image'),
      step.copyImage(`${links}/tree`, '/srv/tree'),
    ),
    environment(root, {
      labels: new Labels(
        { ...silentLog, warning: (text) => warnings.push(text) },
        { selinuxfs, searchPath: `${tools}:/usr/bin:/bin` },
      ),
    }),
  );

describe('SELinux labels', () => {
  it('are those of the policy for the final paths, set before anything can be seen', async () => {
    writeFileSync(path.join(selinuxfs, 'enforce'), '1');
    await attach();
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    const set = lines.map((line) => line.split(' '));
    assert.deepEqual(set.map(([context]) => context).sort(), [
      'dir:a.service.d',
      'dir:b.socket.d',
      'dir:portables',
      'dir:system.attached',
      'dir:tree',
      'file:20-portable.conf',
      'file:20-portable.conf',
      'file:a.service',
      'lnk_file:10-profile.conf',
      'lnk_file:10-profile.conf',
      'lnk_file:image',
    ]);
    for (const [context = '', onDisk = '', seen] of set) {
      if (context.startsWith('dir:') && context !== 'dir:tree') continue;
      assert.match(onDisk, /\.#portabled-/, 'by its temporary name');
      assert.equal(seen, '', `${context} after the unit was visible`);
    }
  });

  it('cost one look where SELinux is off', async () => {
    await attach();
    assert.equal(existsSync(log), false);
  });

  it('that cannot be set stop a change where the policy is enforced, with nothing left of it', async () => {
    const old = present(root);
    for (const [mode, name] of [
      ['1', 'chcon'],
      ['1', 'matchpathcon'],
    ] as const) {
      writeFileSync(path.join(selinuxfs, 'enforce'), mode);
      tool(name, '#!/bin/sh\necho "Permission denied" >&2; exit 1\n');
      await assert.rejects(attach(), /label.*Permission denied/);
      assert.deepEqual(present(root), old);
    }
    writeFileSync(path.join(selinuxfs, 'enforce'), '0');
    await attach();
    assert.match(warnings.join('\n'), /permissive, going on: .*Permission denied/);
    assert.ok(existsSync(path.join(root, attached, 'a.service')));
  });

  it('name the package where the tool is missing', async () => {
    writeFileSync(path.join(selinuxfs, 'enforce'), '1');
    rmSync(path.join(tools, 'matchpathcon'));
    await assert.rejects(attach(), { code: 'NotSupported', hint: /selinux-utils/ });
  });
});
