/** The read-only flag of block devices (blockdev(8)). */
import { quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';

/** Has the kernel treat a block device as read-only, or not any more. @throws PortableError */
export async function setDeviceReadOnly(onDisk: string, readOnly: boolean): Promise<void> {
  await runTool('blockdev', [readOnly ? '--setro' : '--setrw', onDisk], {
    doing: `change the read-only flag of ${quoted(onDisk)}`,
    file: onDisk,
    package: 'util-linux',
  });
}
