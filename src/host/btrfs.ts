/** btrfs subvolumes and their quota groups, through btrfs-progs (btrfs-subvolume(8), btrfs-qgroup(8)). */
import { PortableError, quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';

/** Runs btrfs(8) on one path, which ends up as its last argument. @param doing as it fits after "cannot" */
function btrfs(doing: string, onDisk: string, ...args: readonly string[]): Promise<string> {
  const options = { doing: `${doing} ${quoted(onDisk)}`, file: onDisk, package: 'btrfs-progs' };
  return runTool('btrfs', [...args, onDisk], options);
}

/** What the quota group of a subvolume tells, bytes; undefined where there is no figure or no limit. */
export interface QuotaFigures {
  readonly referenced: bigint | undefined;
  readonly exclusive: bigint | undefined;
  readonly maxReferenced: bigint | undefined;
  readonly maxExclusive: bigint | undefined;
}

const noFigures: QuotaFigures = {
  referenced: undefined,
  exclusive: undefined,
  maxReferenced: undefined,
  maxExclusive: undefined,
};

/** Quota figures of the subvolume at a path on disk; none where quota is off or may not be read. */
export async function quotaFigures(onDisk: string): Promise<QuotaFigures> {
  let table: string;
  try {
    table = await btrfs('read the quota of', onDisk, 'qgroup', 'show', '--raw', '-F', '-r', '-e', '--');
  } catch (error) {
    if (error instanceof PortableError) return noFigures;
    throw error;
  }
  return parseQuota(table);
}

/** Reads the last row of `btrfs qgroup show`: qgroupid, referenced, exclusive, max_rfer, max_excl, … */
export function parseQuota(table: string): QuotaFigures {
  const columns = table.trim().split('\n').at(-1)?.trim().split(/\s+/) ?? [];
  if (!/^\d+\/\d+$/.test(columns[0] ?? '')) return noFigures;
  const figure = (i: number): bigint | undefined =>
    /^\d+$/.test(columns[i] ?? '') ? BigInt(columns[i] ?? '') : undefined;
  return { referenced: figure(1), exclusive: figure(2), maxReferenced: figure(3), maxExclusive: figure(4) };
}

/**
 * Limits what the subvolume may refer to.
 * @param bytes undefined lifts the limit
 * @throws PortableError NotSupported when quota is off or this is no subvolume
 */
export async function setQuotaLimit(onDisk: string, bytes: bigint | undefined): Promise<void> {
  try {
    await btrfs(
      'limit the size of',
      onDisk,
      'qgroup',
      'limit',
      '--',
      bytes === undefined ? 'none' : bytes.toString(),
    );
  } catch (error) {
    if (!(error instanceof PortableError) || error.code === 'NotSupported') throw error;
    throw new PortableError('NotSupported', `cannot limit the size of ${quoted(onDisk)}: ${error.message}`, {
      file: onDisk,
      hint: 'limits need btrfs with quota on: btrfs quota enable',
      cause: error,
    });
  }
}

/** Whether the subvolume is marked read-only. */
export async function isReadOnlySubvolume(onDisk: string): Promise<boolean> {
  return (await property('get', onDisk, 'ro')).trim() === 'ro=true';
}

/** Marks a subvolume read-only, or not. @throws PortableError */
export async function setSubvolumeReadOnly(onDisk: string, readOnly: boolean): Promise<void> {
  await property('set', onDisk, 'ro', String(readOnly));
}

/** Deletes a subvolume with everything in it. @throws PortableError */
export async function deleteSubvolume(onDisk: string): Promise<void> {
  await btrfs('delete the subvolume', onDisk, 'subvolume', 'delete', '--');
}

/** When the subvolume was made, µs since the epoch; 0 when that cannot be told. */
export async function subvolumeCreation(onDisk: string): Promise<bigint> {
  const text = await btrfs('look at the subvolume', onDisk, 'subvolume', 'show', '--');
  const stated = /Creation time:\s*(\S+ \S+ \S+)/.exec(text)?.[1];
  const time = stated === undefined ? NaN : Date.parse(stated);
  return Number.isNaN(time) ? 0n : BigInt(time) * 1000n;
}

function property(verb: 'get' | 'set', onDisk: string, ...args: readonly string[]): Promise<string> {
  const options = { doing: `${verb} a property of ${quoted(onDisk)}`, file: onDisk, package: 'btrfs-progs' };
  return runTool('btrfs', ['property', verb, '-ts', '--', onDisk, ...args], options);
}
