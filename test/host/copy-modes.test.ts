/**
 * Every way to put an image in place, with the real client, ours and systemd's daemon one after the other on one host: the
 * same words, the same files, and the same when the image is gone by the time it is detached.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { bootHost, type Host } from './host.ts';
import { idleService, writeImageTree, writeSquashfsImage } from './images.ts';
import { withPortabled } from './install-portabled.ts';
import { serveBy } from './serving.ts';
import { hostSettings } from './settings.ts';
import { diffSnapshots, snapshotHost } from './tree-snapshot.ts';

describe('copy modes on systemd 262', () => {
  let host: Host;
  const images = { tree: '/opt/tree', disk: '/opt/disk.raw' } as const;

  before(async () => {
    host = await bootHost({ ...hostSettings(process.env), suite: 'forky', ...withPortabled() });
    const contents = (name: string) => ({
      osRelease: { ID: name, VERSION_ID: '1' },
      units: {
        [`${name}.service`]: `${idleService}StateDirectory=${name}\n`,
        [`${name}.socket`]: '[Socket]\nListenStream=/run/x\n',
      },
      directories: [`var/lib/${name}`],
    });
    await writeImageTree(host.path(images.tree), contents('tree'));
    await writeSquashfsImage(host.path(images.disk), contents('disk'));
  });
  after(() => host.stop());

  /** Attaches and detaches; what was said and what was there, but for empty directories and comments of our own. */
  const sequence = async (
    image: string,
    options: readonly string[],
    isGone: boolean,
  ): Promise<readonly string[]> => {
    const lines: string[] = [];
    const before = await snapshotHost(host);
    const note = async (): Promise<void> => {
      const found = diffSnapshots(before, await snapshotHost(host));
      lines.push(...found.filter((line) => !line.endsWith(': directory 0755')));
    };
    const client = async (...args: readonly string[]): Promise<void> => {
      const { stdout, stderr, exitCode } = await host.run(['/usr/bin/portablectl', '--no-reload', ...args]);
      lines.push(`${args.join(' ')} → ${exitCode}`, ...(stdout + stderr).split('\n').sort());
    };
    const runtime = options.filter((option) => option === '--runtime');
    await client('attach', ...options, image);
    await note();
    if (isGone) await host.check(['mv', image, '/opt/away']);
    await client('detach', ...runtime, image);
    await note();
    if (isGone) await host.check(['mv', '/opt/away', image]);
    return lines.map((line) => line.replaceAll(/# portabled: copied '[^']*'\\?n?/g, ''));
  };

  const combinations = [
    ...['copy', 'symlink', 'mixed', 'auto'].map((mode) => [images.tree, mode] as const),
    ...['mixed', 'auto'].map((mode) => [images.disk, mode] as const),
  ];

  it('leave what systemd’s daemon leaves, also when the image is gone by then', async () => {
    const results: Record<string, Record<string, readonly string[]>> = { ours: {}, systemd: {} };
    for (const daemon of ['ours', 'systemd'] as const) {
      await serveBy(host, daemon);
      for (const [image, mode] of combinations) {
        for (const options of [[], ['--runtime']]) {
          const copy = mode === 'auto' ? [] : [`--copy=${mode}`];
          const isGone = options.length > 0;
          const name = `${image} ${mode} ${isGone ? 'for now, gone when detached' : 'for good'}`;
          results[daemon] = {
            ...results[daemon],
            [name]: await sequence(image, [...copy, ...options], isGone),
          };
        }
      }
    }
    assert.equal(Object.keys(results['ours'] ?? {}).length, 2 * combinations.length);
    for (const [name, lines] of Object.entries(results['systemd'] ?? {})) {
      assert.deepEqual(results['ours']?.[name], lines, name);
    }
  });

  it('keep what services wrote when they are detached, and remove it with --clean', async () => {
    for (const daemon of ['systemd', 'ours'] as const) {
      await serveBy(host, daemon);
      const [image, name] = [images.tree, 'tree'];
      const data = `/var/lib/private/${name}`;
      const isThere = async (expected: boolean): Promise<void> => {
        // the client does not wait until a service has started or stopped
        const test = `for i in $(seq 100); do [ ${expected ? '' : '!'} -d ${data} ] && exit 0; sleep 0.05; done; exit 1`;
        await host.check(['sh', '-c', test]);
      };
      await host.check(['/usr/bin/portablectl', 'attach', '--now', '--runtime', image, name]);
      await isThere(true);
      await host.check(['/usr/bin/portablectl', 'detach', '--now', '--runtime', image, name]);
      await isThere(true);
      await host.check(['/usr/bin/portablectl', 'attach', '--now', '--runtime', image, name]);
      await host.check(['/usr/bin/portablectl', 'detach', '--now', '--clean', '--runtime', image, name]);
      await isThere(false);
    }
  });
});
