/** Btrfs images in which one thing is changed, and what the tests of them share. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Budget, type Limits, defaultLimits } from '../../../../src/disk/budget.ts';
import { openBtrfs } from '../../../../src/disk/btrfs/index.ts';
import { memorySource } from '../../../../src/disk/source.ts';
import type { FileTree } from '../../../../src/disk/tree.ts';
import {
  type BlockPlace,
  type Place,
  repairChecksums,
  superblockAt,
  treeBlocks,
} from '../../../support/btrfs-edit.ts';
import { type BtrfsFixture, btrfsFixture } from '../../../support/btrfs-fixtures.ts';
import { failsWith } from '../../../support/fails-with.ts';
import { treeFacts } from '../../../support/kernel-compare.ts';

/** The tree in the bytes of an image. */
export const open = (bytes: Buffer, limits: Partial<Limits> = {}): Promise<FileTree> =>
  openBtrfs(memorySource(bytes, 'foo.raw'), new Budget('foo.raw', { ...defaultLimits, ...limits }));

/** Reads all that there is. */
export const readAll = async (bytes: Buffer): Promise<unknown> => treeFacts(await open(bytes));

/** A number at an offset of the image. */
export const set8 = (bytes: Buffer, at: number, value: number): void => void bytes.writeUInt8(value, at);
export const set16 = (bytes: Buffer, at: number, value: number): void => void bytes.writeUInt16LE(value, at);
export const set32 = (bytes: Buffer, at: number, value: number): void => void bytes.writeUInt32LE(value, at);
export const set64 = (bytes: Buffer, at: number, value: bigint): void =>
  void bytes.writeBigUInt64LE(value, at);

/** A change, and the error that comes of it when all is read. */
export interface Case {
  readonly what: string;
  readonly change: (bytes: Buffer) => void;
  readonly message: RegExp;
  readonly code?: string;
  readonly image?: BtrfsFixture;
  /** As the change leaves them. */
  readonly leaveChecksums?: boolean;
}

/** One test for each; checksums are right again after the change. */
export function refuses(cases: readonly Case[]): void {
  for (const { what, change, message, code = 'InvalidArgs', image = 'subvolumes', leaveChecksums } of cases) {
    it(what, async () => {
      const bytes = btrfsFixture(image);
      change(bytes);
      if (leaveChecksums !== true) repairChecksums(bytes);
      assert.notDeepEqual(bytes, btrfsFixture(image), 'nothing was changed');
      await failsWith(readAll(bytes), code, message);
    });
  }
}

/** The first block that `matches`. */
export function blockOf(bytes: Buffer, matches: (block: BlockPlace) => boolean): BlockPlace {
  return treeBlocks(bytes).find(matches) ?? assert.fail('no such block');
}

/** The first leaf of a tree. */
export const leafOf = (bytes: Buffer, owner: bigint): BlockPlace =>
  blockOf(bytes, (block) => block.owner === owner && block.level === 0 && block.places.length > 0);

/** The first item of a tree that has a key of this type, and more. */
export function itemOf(
  bytes: Buffer,
  owner: bigint,
  type: number,
  matches: (place: Place) => boolean = () => true,
): Place {
  const items = treeBlocks(bytes).flatMap((block) =>
    block.owner === owner && block.level === 0 ? block.places : [],
  );
  return items.find((place) => place.type === type && matches(place)) ?? assert.fail('no such item');
}

/** The item of the file /stored: the only one of 9000 bytes. */
export function stored(bytes: Buffer, type: number): Place {
  const inode = itemOf(bytes, 5n, 1, ({ dataAt }) => bytes.readBigUInt64LE(dataAt + 16) === 9000n).objectId;
  return itemOf(bytes, 5n, type, ({ objectId }) => objectId === inode);
}

/** The offset of a field of the superblock. */
export const sb = (offset: number): number => superblockAt + offset;
