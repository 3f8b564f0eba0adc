/** What a person sees while an image is copied, by the daemon and offline: on a real terminal, and nowhere else. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { execa } from 'execa';

import { connect } from '../../src/dbus/connection.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { bundledPrograms } from '../support/client.ts';
import { sandboxRoot, start, waitForName } from '../support/daemon.ts';
import { startBus } from '../support/private-bus.ts';
import { imageContent, writeTree } from '../support/portable-root.ts';
import { scratchDirectory } from '../support/scratch.ts';

const programs = await bundledPrograms();
const { address } = await startBus();
const root = sandboxRoot();
const unit = '[Service]\nExecStart=/bin/true\n';
// of this machine the client must see it, too
const image = join(scratchDirectory('image'), 'big');
mkdirSync(image);
writeTree(join(root, image), {
  ...imageContent({ '/usr/lib/systemd/system/big.service': unit }),
  '/data': 'x'.repeat(8 * 1024 * 1024),
});
writeTree(join(root, 'etc/systemd/portable/profile/default'), { '/service.conf': '[Service]\n' });

/** A cp(1) that takes its time: two seconds for a tree, whatever there is in it. */
const slow = scratchDirectory('slow-cp');
mkdirSync(join(slow, 'bin'));
writeFileSync(
  join(slow, 'cp.mjs'),
  `import { cpSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
const [from, to] = process.argv.slice(-2);
for (let i = 0; i < 20; i++) {
  writeFileSync(to + '.slow', Buffer.alloc(400_000));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
}
rmSync(to + '.slow');
cpSync(realpathSync(from), to, { recursive: true });
`,
);
writeFileSync(join(slow, 'bin/cp'), `#!/bin/sh\nexec ${process.execPath} ${slow}/cp.mjs "$@"\n`);
chmodSync(join(slow, 'bin/cp'), 0o755);
const path = `${slow}/bin:${process.env['PATH'] ?? ''}`;

start([...programs.daemon, '--bus', address, '--root', root], { PATH: path });
const connection = await connect({ address });
await waitForName(connection);
await connection.close();

const environment = { PATH: path, TZ: 'UTC', TERM: 'xterm-256color', DBUS_SYSTEM_BUS_ADDRESS: address };
const attach = ['attach', '--copy=mixed', '--no-reload'];

/** Runs the client on a terminal of 70 columns. @returns all that was written to it */
async function onTerminal(words: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const command = [...programs.program, ...words].map((word) => `'${word}'`).join(' ');
  const { stdout } = await execa('script', ['-qfec', `stty cols 70; ${command}`, '/dev/null'], {
    env: { ...environment, ...env },
    extendEnv: false,
    stdin: 'ignore',
    timeout: 60_000,
  });
  return stdout;
}

const picture = /\r\u001b\[K(Copying big \[#*-*\] +(\d+)% [^\r\u001b]*)/g;
const erased = '\r\u001b[K';

/** The bar grew, fitted, and went before the rest was said. */
function assertDrawn(seen: string): void {
  const pictures = [...seen.matchAll(picture)];
  assert.ok(
    pictures.length >= 3 && pictures.length <= 25,
    `${pictures.length} pictures: ${JSON.stringify(seen)}`,
  );
  const parts = pictures.map(([, , part]) => Number(part));
  assert.deepEqual(
    parts,
    [...parts].sort((a, b) => a - b),
  );
  for (const [, line = ''] of pictures) assert.ok(displayWidth(line) < 70, line);
  const after = seen.slice(seen.lastIndexOf(erased) + erased.length);
  assert.match(after, /^(Created|Copied) /);
  assert.doesNotMatch(after, /Copying|\u001b/);
  // it moves, but it has no colour
  assert.doesNotMatch(seen, /\u001b\[[0-9;]*m/);
}

describe('a long copy', () => {
  const detach = async (): Promise<void> => {
    const { code, stderr } = await programs.client(['detach', '-q', '--no-reload', image], environment);
    assert.equal(code, 0, stderr);
  };

  it('is watched on a terminal while the daemon copies', async () => {
    assertDrawn(await onTerminal([...attach, image], { NO_COLOR: '1' }));
    await detach();
  });

  it('is watched on a terminal offline', async () => {
    const tree = ['--root', root, '--json=off'];
    assertDrawn(await onTerminal([...tree, ...attach, image]));
    await detach();
  });

  for (const [name, see] of [
    ['in a pipe', async () => (await programs.client([...attach, image], environment)).stderr],
    ['with --quiet', () => onTerminal([...attach, '-q', image])],
    ['on a terminal that cannot go back', () => onTerminal([...attach, image], { TERM: 'dumb' })],
  ] as const) {
    it(`is not drawn ${name}`, async () => {
      assert.doesNotMatch(await see(), /Copying|\u001b/);
      await detach();
    });
  }
});
