/** Facts about block devices from sysfs, and their read-only flag (blockdev(8)). */
import { readFile } from 'node:fs/promises';
import { fileError, quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';

/** sysfs counts in units of 512 bytes, whatever the sector size. */
const sysfsUnit = 512n;

/** Device numbers as stat(2) packs them. */
function sysfsPath(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
  const minor = (device & 0xffn) | ((device >> 12n) & ~0xffn);
  return `/sys/dev/block/${major}:${minor}`;
}

/** Size in bytes of the device with this number (st_rdev). @throws PortableError */
export async function deviceSize(device: bigint): Promise<bigint> {
  return BigInt(await attribute(device, 'size')) * sysfsUnit;
}

/** Whether the kernel treats the device as read-only. @throws PortableError */
export async function isReadOnlyDevice(device: bigint): Promise<boolean> {
  return (await attribute(device, 'ro')) !== '0';
}

export async function setDeviceReadOnly(onDisk: string, readOnly: boolean): Promise<void> {
  await runTool('blockdev', [readOnly ? '--setro' : '--setrw', onDisk], {
    doing: `change the read-only flag of ${quoted(onDisk)}`,
    file: onDisk,
    package: 'util-linux',
  });
}

async function attribute(device: bigint, name: string): Promise<string> {
  const file = `${sysfsPath(device)}/${name}`;
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}
