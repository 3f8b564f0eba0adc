/**
 * Values of attributes that are too large for a leaf: in blocks, each of which starts with a header of its own.
 * "XFS Algorithms & Data Structures", chapter "Extended Attributes", section "Remote Attribute Values".
 */
import { checkHeader, remoteHeader } from './block-header.ts';
import { mapBlock } from './extent-map.ts';
import { u32 } from './fields.ts';
import type { Fork, Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import type { RemoteValue } from './xattr-entry.ts';

/** struct xfs_attr3_rmt_hdr */
const header = { size: 56, magic: u32(0), offset: u32(4), bytes: u32(8) } as const;
/** "XARM" */
const headerMagic = 0x5841_524d;

/**
 * @param value with a size that the caller has found to be reasonable
 * @throws PortableError InvalidArgs when a block is missing or not what it should be, LimitsExceeded
 */
export async function readRemoteValue(
  volume: Volume,
  inode: Inode,
  fork: Fork,
  value: RemoteValue,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let offset = 0;
  for (let logical = value.block; offset < value.size; logical++) {
    const expected = Math.min(value.size - offset, volume.superblock.blockSize - header.size);
    parts.push(await readPart(volume, { inode, fork, logical, offset, expected }));
    offset += expected;
  }
  return Buffer.concat(parts);
}

/** Which part of which value is where. */
interface Part {
  readonly inode: Inode;
  readonly fork: Fork;
  readonly logical: number;
  readonly offset: number;
  readonly expected: number;
}

async function readPart(volume: Volume, part: Part): Promise<Buffer> {
  const { inode, fork, logical, offset, expected } = part;
  const what = `block ${logical} of the attributes of inode ${inode.number}`;
  const { physical } = await mapBlock(volume, inode, fork, logical);
  if (physical === undefined) throw volume.corrupt(`${what} is missing`);
  const bytes = await volume.metadata([{ start: physical, count: 1 }], {
    key: `value:${inode.number}:${logical}:${offset}:${expected}`,
    check: (read) => {
      const magic = header.magic(read);
      if (magic !== headerMagic) throw volume.corrupt(`${what} has the magic number 0x${magic.toString(16)}`);
      checkHeader(volume, read, remoteHeader, { block: physical, owner: inode.number, what });
      if (header.offset(read) !== offset || header.bytes(read) !== expected) {
        const found = `${header.bytes(read)} bytes from ${header.offset(read)} on`;
        throw volume.corrupt(`${what} has ${found} of a value, expected ${expected} from ${offset} on`);
      }
    },
  });
  return bytes.subarray(header.size, header.size + expected);
}
