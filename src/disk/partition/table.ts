/** A partition table as read, checked: partitions lie in the medium and do not overlap. */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';

/** A partition of either kind of table. */
export interface Partition {
  /** As the kernel numbers it, from 1. */
  readonly number: number;
  /** Bytes from the start of the medium. */
  readonly offset: bigint;
  /** Bytes, more than 0. */
  readonly size: bigint;
}

export interface GptPartition extends Partition {
  /** UUIDs in lower case, with dashes. */
  readonly type: string;
  readonly uuid: string;
  readonly label: string;
  /** The bits of the entry's attributes; see gptFlags. */
  readonly attributes: bigint;
}

export interface MbrPartition extends Partition {
  /** The system id, 0x01–0xff. */
  readonly type: number;
  /** Marked to be booted from. */
  readonly active: boolean;
}

export interface GptTable {
  readonly kind: 'gpt';
  /** Bytes: 512 or 4096. */
  readonly sectorSize: number;
  /** The disk's UUID. */
  readonly uuid: string;
  /** The first header was no good; this is the one at the end. */
  readonly isBackup: boolean;
  readonly partitions: readonly GptPartition[];
}

export interface MbrTable {
  readonly kind: 'mbr';
  /** Bytes. */
  readonly sectorSize: number;
  readonly partitions: readonly MbrPartition[];
}

export type PartitionTable = GptTable | MbrTable;

/**
 * @param between the bytes that partitions may take, from the first inclusive to the second exclusive
 * @throws PortableError InvalidArgs naming the partition that is outside the medium or overlaps another
 */
export function checkPartitions(
  source: BlockSource,
  partitions: readonly Partition[],
  between: readonly [start: bigint, end: bigint],
): void {
  const [start, end] = between;
  const inOrder = [...partitions].sort((a, b) => (a.offset < b.offset ? -1 : 1));
  let previous: Partition | undefined;
  for (const partition of inOrder) {
    const { number, offset, size } = partition;
    if (size <= 0n) throw corruptTable(source, `partition ${number} ends before it starts`);
    if (offset < start || offset + size > end) {
      const place = `bytes ${offset} to ${offset + size}`;
      throw corruptTable(source, `partition ${number} is at ${place}, outside of ${start} to ${end}`);
    }
    if (previous !== undefined && offset < previous.offset + previous.size) {
      throw corruptTable(source, `partitions ${previous.number} and ${number} overlap`);
    }
    previous = partition;
  }
}

/** @param what which structure is wrong, and how */
export function corruptTable(source: BlockSource, what: string): PortableError {
  return new PortableError(
    'InvalidArgs',
    `the partition table of ${quoted(source.name)} is corrupt, or the image truncated: ${what}`,
    { file: source.name, hint: 'copy the image again; sfdisk --verify tells more' },
  );
}
