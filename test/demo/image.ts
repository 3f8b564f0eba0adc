/** The demo's image: a web server, its page, and its units, as portable services need them. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findProgram, runSync } from '../support/run.ts';
import { command } from './show.ts';

/** Writes web_VERSION.raw into the sandbox's pool. */
export function buildImage(root: string, version: string): void {
  const pool = path.join(root, 'var/lib/portables');
  mkdirSync(pool, { recursive: true });
  const tree = mkdtempSync(path.join(path.dirname(root), 'tree-'));
  const write = (inside: string, content: string): void => {
    mkdirSync(path.dirname(path.join(tree, inside)), { recursive: true });
    writeFileSync(path.join(tree, inside), content);
  };
  for (const directory of ['proc', 'sys', 'dev', 'run', 'tmp', 'var/tmp', 'usr/bin']) {
    mkdirSync(path.join(tree, directory), { recursive: true });
  }
  write('etc/machine-id', '');
  write('etc/resolv.conf', '');
  write(
    'usr/lib/os-release',
    `ID=web\nVERSION_ID=${version}\nPORTABLE_PREFIXES=web\nPRETTY_NAME="Demo web server"\n`,
  );
  write('srv/index.html', `<h1>portabled ${version}</h1>\n`);
  write(
    'usr/lib/systemd/system/web.service',
    '[Unit]\nDescription=Demo web server\n\n[Service]\nExecStart=/usr/bin/busybox httpd -f -p 8080 -h /srv\n' +
      'DynamicUser=yes\n\n[Install]\nWantedBy=multi-user.target\n',
  );
  copyFileSync(findProgram('busybox'), path.join(tree, 'usr/bin/busybox'));
  const image = path.join(pool, `web_${version}.raw`);
  command(`mksquashfs tree var/lib/portables/web_${version}.raw`);
  runSync('mksquashfs', [tree, image, '-noappend', '-quiet', '-no-progress', '-all-root', '-comp', 'xz']);
  rmSync(tree, { recursive: true });
}
