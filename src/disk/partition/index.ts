/** Partition tables of images: GPT, else MBR. */
import { PortableError, quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import { type Designator, partitionType } from './discoverable.ts';
import { hasGptHeader, readGpt } from './gpt.ts';
import { isProtective, readBootRecord, readMbr } from './mbr.ts';
import type { PartitionTable } from './table.ts';

export type { GptPartition, GptTable, MbrPartition, MbrTable, Partition, PartitionTable } from './table.ts';

/**
 * The partition table in `source`, or undefined when there is none. As blkid(8) has it, a GPT needs the protective
 * boot record that announces it.
 *
 * @throws PortableError InvalidArgs when there is one that is corrupt, or a GPT that nothing announces
 */
export async function readPartitionTable(source: BlockSource): Promise<PartitionTable | undefined> {
  if (source.size < 512n) return undefined;
  const entries = readBootRecord(await source.read(0n, 512));
  if (entries !== undefined && isProtective(entries)) return readGpt(source);
  if (entries !== undefined) return readMbr(source, entries);
  if (!(await hasGptHeader(source))) return undefined;
  throw new PortableError(
    'InvalidArgs',
    `${quoted(source.name)} has a GPT, but no protective master boot record in its first sector`,
    { file: source.name, hint: 'sgdisk --verify and its expert menu write one' },
  );
}

/**
 * Whether `source` has a GPT that is good. For media that have a superblock as well: nobody can tell which of
 * them is meant.
 */
export async function hasGoodGpt(source: BlockSource): Promise<boolean> {
  return (await goodTable(source))?.kind === 'gpt';
}

/** Whether `source` has a GPT, where its first header should be, with a partition for one of these. */
export async function hasPartitionFor(
  source: BlockSource,
  designators: readonly Designator[],
): Promise<boolean> {
  // most images have none, and that is quickly seen
  if (!(await hasGptHeader(source))) return false;
  const table = await goodTable(source);
  if (table?.kind !== 'gpt') return false;
  return table.partitions.some(({ type }) => {
    const known = partitionType(type);
    return known !== undefined && designators.includes(known.designator);
  });
}

/** The partition table; undefined when there is none that is good. */
async function goodTable(source: BlockSource): Promise<PartitionTable | undefined> {
  try {
    return await readPartitionTable(source);
  } catch (error) {
    if (error instanceof PortableError && error.code === 'InvalidArgs') return undefined;
    throw error;
  }
}
