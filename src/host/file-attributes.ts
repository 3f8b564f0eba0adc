/** The immutable attribute of files and directories (chattr(1)), which Node has no call for. */
import { runTool } from './tools.ts';
import type { Tool } from './tools.ts';

const chattr: Tool = { command: 'chattr', package: 'e2fsprogs' };

/**
 * Sets or clears the immutable attribute of a file or directory.
 * @param onDisk its path on disk
 * @throws PortableError IOError, e.g. where the file system has no such attribute
 */
export async function setImmutable(onDisk: string, immutable: boolean): Promise<void> {
  await runTool(chattr, [immutable ? '+i' : '-i', '--', onDisk], onDisk);
}
