/** The immutable attribute of files and directories (chattr(1)), which Node has no call for. */
import { quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';

/**
 * Sets or clears the immutable attribute of a file or directory.
 * @param onDisk its path on disk
 * @throws PortableError, e.g. where the file system has no such attribute
 */
export async function setImmutable(onDisk: string, immutable: boolean): Promise<void> {
  await runTool('chattr', [immutable ? '+i' : '-i', '--', onDisk], {
    doing: `change the immutable attribute of ${quoted(onDisk)}`,
    file: onDisk,
    package: 'e2fsprogs',
  });
}
