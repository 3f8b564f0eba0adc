/** test/host/systemd1.test.ts compares with systemd itself; here is what needs no host. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { unitFileStates } from '../../src/host/unit-files.ts';
import { scratchDirectory } from '../support/scratch.ts';

const root = scratchDirectory('unit-files');
const home = '/home/u/.config/systemd/user';
const runtime = '/run/user/1000/systemd/user';
const userPath = [
  `${home}.control`,
  `${runtime}.control`,
  home,
  '/etc/systemd/user',
  `${runtime}.attached`,
  runtime,
  '/usr/lib/systemd/user',
];
const enabling = '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=default.target\n';

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

const states = async (...names: string[]): Promise<Record<string, string>> =>
  Object.fromEntries(await unitFileStates(userPath, names, root));

describe('unit file states', () => {
  it("in a user's service manager", async () => {
    for (const name of ['off', 'mine', 'boot', 'everybody', 'vendor'])
      write(`${runtime}.attached/${name}.service`, enabling);
    link(`${home}/default.target.wants/mine.service`, `${runtime}.attached/mine.service`);
    link(`${runtime}/default.target.wants/boot.service`, `${runtime}.attached/boot.service`);
    link('/etc/systemd/user/default.target.wants/everybody.service', `${runtime}.attached/everybody.service`);
    link('/usr/lib/systemd/user/default.target.wants/vendor.service', `${runtime}.attached/vendor.service`);
    assert.deepEqual(
      await states('off.service', 'mine.service', 'boot.service', 'everybody.service', 'vendor.service'),
      {
        'off.service': 'disabled',
        'mine.service': 'enabled',
        'boot.service': 'enabled-runtime',
        'everybody.service': 'enabled',
        'vendor.service': 'disabled',
      },
    );
  });

  it('of what is no unit file', async () => {
    mkdirSync(join(root, home, 'directory.service'), { recursive: true });
    execFileSync('mkfifo', [join(root, home, 'fifo.service')]);
    link(`${home}/loop.service`, 'loop.service');
    write(`${home}/huge.service`, 'x'.repeat(2 << 20));
    write(`${home}/binary.service`, '\0\xff[Install\n[Install]\n=\n[Install]]\nWantedBy\n');
    const found = await states(
      'directory.service',
      'fifo.service',
      'loop.service',
      'huge.service',
      'binary.service',
      'none.service',
    );
    assert.deepEqual(found, {
      'directory.service': 'bad',
      'fifo.service': 'bad',
      'loop.service': 'bad',
      'huge.service': 'bad',
      'binary.service': 'static',
    });
  });

  it('without any directory', async () => {
    assert.deepEqual(await unitFileStates(['/nowhere'], ['a.service'], root), new Map());
    assert.deepEqual(await unitFileStates([], ['a.service'], root), new Map());
  });
});
