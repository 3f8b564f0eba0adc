import { PortableError, quoted } from './errors.ts';
import { runTool } from './tool.ts';

/**
 * Removes a file or a directory with everything in it; missing is fine. rm(1) and not Node's fs.rm: it walks by
 * directory handles, so that nobody who may write somewhere in the tree can lead it out through a symlink, and it
 * stays on one file system.
 *
 * @throws PortableError naming the first thing that could not be removed
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await remove(path);
  } catch (error) {
    if (!(error instanceof PortableError) || error.code !== 'AccessDenied') throw error;
    // Directories of our own without write permission: copies that an unprivileged user made of read-only trees.
    const unlock = runTool('chmod', ['-R', 'u+rwX', '--', path], { doing: 'unlock', file: path });
    await unlock.catch(() => {
      throw error;
    });
    await remove(path);
  }
}

async function remove(path: string): Promise<void> {
  await runTool('rm', ['-rf', '--one-file-system', '--', path], {
    doing: `remove ${quoted(path)}`,
    file: path,
  });
}
