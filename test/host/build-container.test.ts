/**
 * Images that portable-build makes of a container image, and extensions of its making, run on a booted host: attached with
 * the real portablectl by systemd's own daemon, under the default profile.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execa } from 'execa';
import { makeSigner } from '../support/verity.ts';
import { writeServerContainer } from './container-layers.ts';
import { bootHost, type Host } from './host.ts';
import { askServer } from './server-client.ts';
import { serverPort } from './server-image.ts';
import { hostSettings } from './settings.ts';

const settings = hostSettings(process.env);
const command = path.join(import.meta.dirname, '../../src/bin/portable-build.ts');

/** Each means something somewhere in a unit file. */
const odd = [
  ...[
    '',
    ' ',
    'a b',
    '"',
    "'",
    `it's "quoted"`,
    '\\',
    '\\n',
    'line\nfeed\ttab',
    '$HOME',
    '${HOME}',
    'a$b',
    '$$',
    '%n',
    '100%',
  ],
  ...[
    ';',
    '\\;',
    '#',
    '-',
    '@x',
    '+',
    '!',
    ':',
    '|',
    'ü',
    '\u{1f600}',
    '\x01\x7f',
    '{;}',
    '=',
    'a=b',
    '*',
    '~',
    '`id`',
    '&&',
  ],
];

const script = `
  printf '%s\\n' "$(cat /usr/share/secret)" >/data/secret
  cat /proc/$$/environ >/data/environ
  printf '%s' "$PWD" >/data/directory
  for argument; do printf '%s\\0' "$argument"; done >/data/arguments
  exec redis-server --port ${serverPort} --bind 127.0.0.1 --dir /data --save ''`;

const config = {
  User: 'redis:cache',
  Env: [
    'PATH=/usr/local/bin:/usr/bin',
    ...odd.filter((text) => !/[\x01]/.test(text)).map((text, i) => `ODD_${i}=${text}`),
    'no-name=x',
  ],
  Entrypoint: ['sh', '-c', script, 'sh'],
  Cmd: odd,
  WorkingDir: '/srv/made for it',
  StopSignal: '2',
  Volumes: { '/data': {} },
  ExposedPorts: { [`${serverPort}/tcp`]: {} },
};

describe('portable-build, from containers', () => {
  let host: Host;
  let dir: string;

  const build = async (...args: readonly string[]): Promise<void> => {
    await execa(process.execPath, [
      '--import',
      'tsx',
      command,
      '--output',
      dir,
      '--compression',
      'zstd',
      ...args,
    ]);
  };
  const show = async (property: string): Promise<string> =>
    (await host.check(['systemctl', 'show', '-P', property, 'cache.service'])).trim();
  const data = async (name: string): Promise<string> => host.read(`/var/lib/private/cache/data/${name}`);

  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'build-container-'));
    host = await bootHost({ ...settings, suite: 'trixie' });
    await build(
      '--name',
      'cache',
      '--version',
      '1',
      '--container',
      await writeServerContainer(settings, dir, config),
    );
    await host.copyIn(path.join(dir, 'cache_1.raw'), '/opt/cache_1.raw');
  });

  after(async () => {
    await host.stop();
    await rm(dir, { recursive: true });
  });

  it('the server starts and answers, as the user and with the words of the container', async () => {
    assert.match(await host.check(['systemd-dissect', '/opt/cache_1.raw']), /✓ portable service/);
    await host.check(['portablectl', 'attach', '--profile=default', '--now', '/opt/cache_1.raw']);
    assert.equal(await askServer(host, 'ping'), '+PONG');
    assert.deepEqual((await data('arguments')).split('\0').slice(0, -1), odd);
    const environment = (await data('environ')).split('\0');
    for (const entry of config.Env.filter((each) => !each.startsWith('no-name'))) {
      assert.ok(environment.includes(entry), JSON.stringify(entry));
    }
    assert.equal((await data('secret')).trim(), 'for the server only');
    assert.equal(await data('directory'), config.WorkingDir);
    const status = await host.read(`/proc/${await show('MainPID')}/status`);
    assert.match(status, /^Uid:\t987\t/m);
    assert.match(status, /^Gid:\t321\t/m);
    assert.deepEqual([await show('DynamicUser'), await show('KillSignal')], ['yes', '2']);
    assert.equal(
      (
        await host
          .check([
            'journalctl',
            '-b',
            '-o',
            'cat',
            '--grep=cache.service.*(Ignoring|Unknown|Failed to parse)',
          ])
          .catch(() => '')
      ).trim(),
      '',
    );
    await host.check(['portablectl', 'detach', '--now', '/opt/cache_1.raw']);
  });

  it('an extension is laid over it', async () => {
    const unit = path.join(dir, 'cache-tools.service');
    await writeFile(
      unit,
      '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/cat /usr/share/hello/text\n',
    );
    const root = path.join(dir, 'hello');
    await mkdir(path.join(root, 'usr/share/hello'), { recursive: true });
    await writeFile(path.join(root, 'usr/share/hello/text'), 'hello from the extension\n');
    const source = ['--source-root', await debianRoot(root), '--content', '/usr/share/hello'];
    await build(
      '--type',
      'sysext',
      '--name',
      'cache-tools',
      '--version',
      '1',
      ...source,
      '--unit',
      unit,
      '--base',
      path.join(dir, 'cache_1.raw'),
    );
    await host.copyIn(path.join(dir, 'cache-tools_1.raw'), '/opt/cache-tools_1.raw');
    assert.match(
      await host.check(['systemd-dissect', '/opt/cache-tools_1.raw']),
      /✓ (sysext|.*extension) for portable/,
    );
    const extension = ['--extension', '/opt/cache-tools_1.raw', '/opt/cache_1.raw'];
    await host.check(['portablectl', 'attach', ...extension]);
    await host.check(['systemctl', 'start', 'cache-tools.service']);
    assert.match(
      await host.check(['journalctl', '-u', 'cache-tools.service', '-o', 'cat']),
      /hello from the extension/,
    );
    await host.check(['systemctl', 'stop', 'cache-tools.service']);
    await host.check(['portablectl', 'detach', ...extension]);
  });

  it('a disk image with partitions runs; with a signed hash tree it is still one', async () => {
    const layout = await writeServerContainer(settings, dir, config);
    const cache = ['--name', 'cache', '--container', layout, '--gpt'];
    await build('--version', '2', ...cache);
    await host.copyIn(path.join(dir, 'cache_2.raw'), '/opt/cache_2.raw');
    await host.check(['portablectl', 'attach', '--now', '/opt/cache_2.raw']);
    assert.equal(await askServer(host, 'ping'), '+PONG');
    await host.check(['portablectl', 'detach', '--now', '/opt/cache_2.raw']);

    const { key, certificate } = makeSigner(dir, 'signer');
    await build('--version', '3', ...cache, '--sign', key, '--certificate', certificate);
    await host.copyIn(path.join(dir, 'cache_3.raw'), '/opt/cache_3.raw');
    // kernels without dm-verity are common where tests run: the hash tree is seen, and not set up
    const policy = '--image-policy=root=unprotected:root-verity=unused+absent:root-verity-sig=unused+absent';
    const dissected = await host.check(['systemd-dissect', policy, '/opt/cache_3.raw']);
    assert.match(dissected, /✓ portable service/);
  });

  /** A tree that says it is the container's system. */
  async function debianRoot(root: string): Promise<string> {
    await mkdir(path.join(root, 'usr/lib'), { recursive: true });
    await mkdir(path.join(root, 'usr/bin'), { recursive: true });
    await writeFile(path.join(root, 'usr/lib/os-release'), 'ID=debian\nVERSION_ID=12\n');
    return root;
  }
});
