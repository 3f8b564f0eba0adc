/** What a raw image is: one file system, or a partition table and the partitions of it that count. */
import { PortableError, quoted } from '../base/errors.ts';
import type { Designator } from './partition/discoverable.ts';
import { hasGoodGpt, readPartitionTable } from './partition/index.ts';
import { type SelectedPartition, type SelectOptions, selectPartitions } from './partition/select.ts';
import type { PartitionTable } from './partition/table.ts';
import { type Superblock, probeSuperblock } from './probe.ts';
import { type BlockSource, sliceSource } from './source.ts';

/** A part of an image that holds something: a partition, or the whole image. */
export interface Volume {
  readonly designator: Designator;
  /** The partition it is; undefined for the whole image. */
  readonly partition: SelectedPartition | undefined;
  /** Its bytes. */
  readonly source: BlockSource;
  /** What was recognised in it. */
  readonly superblock: Superblock | undefined;
}

/** A dissected image. */
export interface Dissection {
  readonly table: PartitionTable | undefined;
  /** By designator: root, or usr, or both, and whatever else there is. */
  readonly volumes: ReadonlyMap<Designator, Volume>;
}

/**
 * Finds out what `source` is. A file system wins over a master boot record, whose sector it may leave to a boot
 * loader; a file system and a GPT are ambiguous.
 *
 * @throws PortableError InvalidArgs when nothing is recognised, or several things are, or the partition table is
 *   corrupt or has no suitable partitions (see selectPartitions)
 */
export async function dissect(source: BlockSource, options: SelectOptions): Promise<Dissection> {
  const superblock = await probeSuperblock(source);
  if (superblock !== undefined && superblock.usage !== 'other') {
    if (await hasGoodGpt(source)) throw ambiguous(source, superblock);
    const whole: Volume = { designator: 'root', partition: undefined, source, superblock };
    return { table: undefined, volumes: new Map([['root', whole]]) };
  }
  const table = await readPartitionTable(source);
  if (table === undefined) throw unidentified(source, superblock);
  const selection = selectPartitions(table, source.name, options);
  const volumes = new Map<Designator, Volume>();
  for (const partition of selection.values()) {
    volumes.set(partition.designator, await openPartition(source, partition));
  }
  return { table, volumes };
}

async function openPartition(whole: BlockSource, partition: SelectedPartition): Promise<Volume> {
  const { designator, number, offset, size } = partition;
  const source = sliceSource(whole, offset, size, `partition ${number}, ${designator}`);
  return { designator, partition, source, superblock: await probePartition(source, designator) };
}

/** Partitions whose content their type tells, whatever is in them; named as systemd-dissect(1) does. */
async function probePartition(source: BlockSource, designator: Designator): Promise<Superblock | undefined> {
  if (designator === 'esp' || designator === 'xbootldr') return { type: 'vfat', usage: 'filesystem' };
  if (designator.endsWith('-verity')) return { type: 'DM_verity_hash', usage: 'crypto' };
  if (designator.endsWith('-verity-sig')) return { type: 'verity_hash_signature', usage: 'other' };
  return probeSuperblock(source);
}

function ambiguous(source: BlockSource, superblock: Superblock): PortableError {
  return new PortableError(
    'InvalidArgs',
    `${quoted(source.name)} is ambiguous: it has the superblock of ${superblock.type}, and a GPT`,
    { file: source.name, hint: 'remove the one that does not belong there with wipefs(8)' },
  );
}

function unidentified(source: BlockSource, superblock: Superblock | undefined): PortableError {
  const what = superblock === undefined ? '' : `, only ${superblock.type}`;
  return new PortableError(
    'InvalidArgs',
    `no suitable partition table or file system was found in ${quoted(source.name)}${what}`,
    { file: source.name, hint: 'images are squashfs, erofs, ext4 or xfs, alone or in a GPT' },
  );
}
