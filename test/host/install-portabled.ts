/** Our daemon on a booted host, installed as an administrator would. */
import path from 'node:path';
import { execa } from 'execa';

const repository = path.join(import.meta.dirname, '../..');

/** Where hosts have Node. */
const hostNode = '/usr/local/bin/node';

/** Installs portabled below a directory that is laid over a host's tree (the `prepare` of bootHost); built before. */
export async function installPortabled(overlay: string): Promise<void> {
  const installer = path.join(repository, 'dist/install/main.js');
  await execa(process.execPath, [installer, 'install', '--destdir', overlay, '--node', hostNode]);
}
