/**
 * `npm run demo`: portabled's main job on a private bus and a sandbox root. No root, nothing on the host touched: all
 * of it happens in one temporary directory, which is removed at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from './client.ts';
import { buildImage } from './image.ts';
import { startSandbox } from './sandbox.ts';
import { bold, done, showTree, step, title } from './show.ts';

const attached = 'etc/systemd/system.attached';

const scratch = mkdtempSync(path.join(tmpdir(), 'portabled-demo-'));
const root = path.join(scratch, 'root');
try {
  title('portabled: portable services without mounts, root or guesswork');

  step('Pack a real web server (busybox httpd) into a squashfs image');
  buildImage(root, '1.0');

  step('Start a private D-Bus daemon, and portabled on it with a sandbox as its root');
  const sandbox = await startSandbox(scratch, root);
  const client = new Client(sandbox.address);
  try {
    client.list();

    step('Look into an image: no mount, no loop device, no root');
    client.metadata('web_1.0');

    step('Attach it: its unit, pointed into the image and confined by a profile');
    client.attach('web_1.0');
    showTree(root, attached);
    client.list();

    step('Move to a new version: every file of it is in place, or none is');
    buildImage(root, '1.1');
    client.reattach('web_1.1');
    client.list();

    step('Ask for what cannot be done: the answer says what is wrong, and what to do');
    client.refused('web_1.1', 'no-such-profile');

    step('Detach: nothing is left behind');
    client.detach('web_1.1');
    showTree(root, attached);
    client.list();
  } finally {
    await sandbox.stop();
  }
  done(`On a real host: ${bold('npm run install:system')}, then portablectl as ever.`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
