/** Device numbers, and what sysfs says of block devices (kernel: ABI/stable/sysfs-block). */
import { existsSync, readFileSync } from 'node:fs';
import { fileError } from './errors.ts';

/** A dev_t in its parts, as makedev(3) puts it together. */
export function deviceNumber(device: bigint): { readonly major: number; readonly minor: number } {
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n)),
  };
}

/** sysfs counts in units of 512 bytes, whatever the sector size. */
const sizeUnit = 512n;

/** Bytes of the block device with this number (st_rdev). @throws PortableError */
export function deviceSize(device: bigint): bigint {
  return BigInt(deviceAttribute(device, 'size')) * sizeUnit;
}

/** Whether the kernel treats the block device as read-only. @throws PortableError */
export function isReadOnlyDevice(device: bigint): boolean {
  return deviceAttribute(device, 'ro') !== '0';
}

/** Bytes of a logical sector of the block device: of a partition, those of its disk. @throws PortableError */
export function deviceSectorSize(device: bigint): number {
  const queue = existsSync(attributeFile(device, 'partition')) ? '../queue' : 'queue';
  return Number(deviceAttribute(device, `${queue}/logical_block_size`));
}

function deviceAttribute(device: bigint, name: string): string {
  const file = attributeFile(device, name);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw fileError(error, 'read', file);
  }
}

function attributeFile(device: bigint, name: string): string {
  const { major, minor } = deviceNumber(device);
  return `/sys/dev/block/${major}:${minor}/${name}`;
}
