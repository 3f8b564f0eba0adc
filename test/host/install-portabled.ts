/** Our daemon on a booted host, installed as an administrator would. */
import path from 'node:path';
import { execa } from 'execa';
import type { BootOptions } from './host.ts';

const repository = path.join(import.meta.dirname, '../..');

/**
 * Options of bootHost() for a host with portabled in front of systemd's own daemon; built before. The host has this
 * machine's Node under its own path, too, so that what the installer prepares for that very Node fits.
 */
export function withPortabled(): Required<Pick<BootOptions, 'binds' | 'prepare'>> {
  const node = process.execPath;
  return { binds: [{ from: node, to: node }], prepare: (overlay) => installPortabled(overlay, node) };
}

async function installPortabled(overlay: string, node: string): Promise<void> {
  const installer = path.join(repository, 'dist/install/main.js');
  await execa(node, [installer, 'install', '--destdir', overlay, '--node', node]);
}
