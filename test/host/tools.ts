import { access } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

/** Programs the harness runs on the build machine, and the Debian packages that bring them. */
const packagesByTool: Readonly<Record<string, string>> = {
  debootstrap: 'debootstrap',
  'systemd-nspawn': 'systemd-container',
  nsenter: 'util-linux',
  script: 'bsdutils',
  losetup: 'mount',
  mksquashfs: 'squashfs-tools',
};

const installer = path.join(import.meta.dirname, '../support/install-quietly.sh');

/**
 * Makes sure that the named programs are installed, installing Debian's packages of those that are not.
 * Throws, naming what is missing, where that cannot work: not root, or not Debian.
 */
export async function ensureTools(...tools: (keyof typeof packagesByTool)[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('booted test hosts need root: run the tests as root');
  const missing: string[] = [];
  for (const tool of tools) if (!(await isInstalled(tool))) missing.push(packagesByTool[tool] ?? tool);
  if (missing.length === 0) return;
  if (!(await isInstalled('apt-get'))) {
    throw new Error(`missing on this machine: ${missing.join(', ')} (no apt-get to install them with)`);
  }
  await execa('sh', [installer, ...missing], { stdin: 'ignore' });
}

async function isInstalled(tool: string): Promise<boolean> {
  for (const dir of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const found = await access(path.join(dir, tool)).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
