/**
 * Which partitions of a table make up the image: what systemd-dissect(1) of systemd 262 would use, seen on its
 * own results where the Discoverable Partitions Specification leaves it open.
 */
import { PortableError, quoted } from '../../base/errors.ts';
import { compareVersions } from '../../base/version-compare.ts';
import {
  type Designator,
  gptFlags,
  linuxGeneric,
  partitionType,
  secondaryArchitecture,
} from './discoverable.ts';
import type { GptPartition, GptTable, MbrTable, PartitionTable } from './table.ts';

/** A partition and what it is for. */
export interface SelectedPartition {
  readonly designator: Designator;
  readonly number: number;
  /** Bytes from the start of the medium. */
  readonly offset: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Lower case, with dashes; undefined in an MBR. */
  readonly uuid: string | undefined;
  /** Empty when it has none; undefined in an MBR. */
  readonly label: string | undefined;
  /** As systemd names it; undefined where the type does not say. */
  readonly architecture: string | undefined;
  /** Flags of its entry, as stored. */
  readonly flags: { readonly readOnly: boolean; readonly growFileSystem: boolean };
}

/** By designator; at most one each. Holds root, or usr, or both. */
export type Selection = ReadonlyMap<Designator, SelectedPartition>;

export interface SelectOptions {
  /** The host's architecture, as systemd names it. */
  readonly architecture: string;
  /** Root hash of the data partition's hash tree, where it is known from outside the table. */
  readonly rootHash?: Buffer | undefined;
  readonly usrHash?: Buffer | undefined;
}

/**
 * @param name what error messages call the image
 * @throws PortableError InvalidArgs when there is no root or usr partition, several that could be it, none that
 *   matches a given root hash, root and usr are for different architectures, or both have a hash tree
 */
export function selectPartitions(table: PartitionTable, name: string, options: SelectOptions): Selection {
  const selection = table.kind === 'gpt' ? selectFromGpt(table, name, options) : selectFromMbr(table, name);
  const missing = [
    options.rootHash !== undefined && !selection.has('root-verity') ? 'root' : undefined,
    options.usrHash !== undefined && !selection.has('usr-verity') ? 'usr' : undefined,
  ].filter((each) => each !== undefined);
  if (missing.length > 0) {
    throw unsuitable(name, `no pair of partitions matches the given ${missing.join(' and ')} hash`, {
      hint: 'the UUID of the data partition is the first, that of its hash tree the last 16 bytes of the hash',
    });
  }
  return selection;
}

function selectFromGpt(table: GptTable, name: string, options: SelectOptions): Selection {
  const candidates = table.partitions.filter(isDiscoverable).flatMap(candidate);
  const found = [
    ...selectData('root', candidates, options.rootHash, options.architecture),
    ...selectData('usr', candidates, options.usrHash, options.architecture),
  ];
  const isHashGiven = options.rootHash !== undefined || options.usrHash !== undefined;
  if (found.length === 0 && !isHashGiven) found.push(selectGeneric(table, name, candidates));
  // of all other kinds the first counts
  for (const each of candidates) {
    if (!isVersioned(each) && !found.some(({ designator }) => designator === each.designator))
      found.push(each);
  }
  const selection = new Map(found.map((each) => [each.designator, each]));
  checkArchitectures(name, selection);
  checkHashTrees(name, selection);
  return selection;
}

/** The newest root or usr partition, and the newest hash tree and signature of the same architecture. */
function selectData(
  data: 'root' | 'usr',
  candidates: readonly SelectedPartition[],
  hash: Buffer | undefined,
  host: string,
): SelectedPartition[] {
  const newestOf = (
    designator: Designator,
    fits: (each: SelectedPartition) => boolean,
  ): SelectedPartition[] =>
    newest(
      candidates.filter((each) => each.designator === designator && fits(each)),
      host,
    );
  const [partition] = newestOf(data, ({ uuid }) => hash === undefined || uuid === halves(hash).first);
  if (partition === undefined) return [];
  const sameArchitecture = ({ architecture }: SelectedPartition): boolean =>
    architecture === partition.architecture;
  const [tree] = newestOf(`${data}-verity`, (each) => {
    return sameArchitecture(each) && (hash === undefined || each.uuid === halves(hash).last);
  });
  if (tree === undefined) return [partition];
  return [partition, tree, ...newestOf(`${data}-verity-sig`, sameArchitecture)];
}

/** The best of the candidates: for the host rather than its secondary architecture or another; then the newest. */
function newest(candidates: readonly SelectedPartition[], host: string): SelectedPartition[] {
  const rank = ({ architecture }: SelectedPartition): number => {
    if (architecture === host) return 0;
    return architecture === secondaryArchitecture(host) ? 1 : 2;
  };
  // the sort is stable: of equal ones the first counts
  const sorted = [...candidates].sort(
    (a, b) => rank(a) - rank(b) || compareVersions(b.label ?? '', a.label ?? ''),
  );
  return sorted.slice(0, 1);
}

/** The only partition for any Linux file system, where there is no other root. */
function selectGeneric(
  table: GptTable,
  name: string,
  candidates: readonly SelectedPartition[],
): SelectedPartition {
  const orphan = candidates.find(isVersioned);
  if (orphan !== undefined) {
    throw unsuitable(name, `partition ${orphan.number} (${orphan.designator}) has no partition to protect`);
  }
  const [generic, ...others] = table.partitions.filter(
    (each) => each.type === linuxGeneric && isDiscoverable(each),
  );
  if (generic === undefined) {
    throw unsuitable(name, 'there is no root or usr partition', {
      hint: `partitions need a type of the Discoverable Partitions Specification; there are ${describeTypes(table)}`,
    });
  }
  if (others.length > 0) {
    const numbers = [generic, ...others].map(({ number }) => number).join(', ');
    throw unsuitable(name, `several partitions could be the root partition: ${numbers}`, {
      hint: 'give the right one the partition type of a root partition',
    });
  }
  return selected(generic, 'root', undefined);
}

function selectFromMbr(table: MbrTable, name: string): Selection {
  const linux = table.partitions.filter(({ type }) => type === linuxType);
  const [root, ...others] = linux.filter(({ active }) => active);
  if (others.length > 0) {
    const numbers = [root, ...others].map((each) => each?.number).join(', ');
    throw unsuitable(name, `several partitions of type 0x83 are marked active: ${numbers}`);
  }
  if (root === undefined) {
    const what =
      linux.length === 0
        ? `its master boot record has no partition of type 0x83 (Linux)${typesOf(table)}`
        : 'no partition of type 0x83 (Linux) is marked active, which the service manager asks for';
    throw unsuitable(name, what, { hint: 'sfdisk --part-type and --activate set the type and the mark' });
  }
  const { number, offset, size } = root;
  const unknown = { uuid: undefined, label: undefined, architecture: undefined };
  const flags = { readOnly: false, growFileSystem: false };
  return new Map([['root', { designator: 'root', number, offset, size, ...unknown, flags }]]);
}

/** What there is instead, for people. */
function typesOf({ partitions }: MbrTable): string {
  if (partitions.length === 0) return '';
  return `, only of ${partitions.map(({ type }) => `0x${type.toString(16)}`).join(', ')}`;
}

/** MBR: any Linux file system. */
const linuxType = 0x83;

/** Not hidden from discovery. Labelled "_empty", a partition waits for an update (systemd-sysupdate(8)). */
function isDiscoverable({ type, label, attributes }: GptPartition): boolean {
  const hidden = partitionType(type)?.designator === 'esp' ? gptFlags.noBlockIo : gptFlags.noAuto;
  return (attributes & hidden) === 0n && label !== '_empty';
}

function candidate(partition: GptPartition): SelectedPartition[] {
  const type = partitionType(partition.type);
  return type === undefined ? [] : [selected(partition, type.designator, type.architecture)];
}

function selected(
  partition: GptPartition,
  designator: Designator,
  architecture: string | undefined,
): SelectedPartition {
  const { number, offset, size, uuid, label, attributes } = partition;
  const isSet = (flag: bigint): boolean => (attributes & flag) !== 0n;
  const flags = { readOnly: isSet(gptFlags.readOnly), growFileSystem: isSet(gptFlags.growFileSystem) };
  return { designator, number, offset, size, uuid, label, architecture, flags };
}

/** Root and usr partitions and what protects them: of these there may be several versions. */
function isVersioned({ designator }: SelectedPartition): boolean {
  return designator.startsWith('root') || designator.startsWith('usr');
}

/** The first and the last 16 bytes of a root hash, as UUIDs. */
function halves(hash: Buffer): { readonly first: string; readonly last: string } {
  const uuid = (bytes: Buffer): string =>
    bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return { first: uuid(hash.subarray(0, 16)), last: uuid(hash.subarray(-16)) };
}

function checkArchitectures(name: string, selection: Selection): void {
  const root = selection.get('root');
  const usr = selection.get('usr');
  if (root === undefined || usr === undefined || root.architecture === usr.architecture) return;
  throw unsuitable(
    name,
    `the root partition is for ${root.architecture ?? 'any architecture'}, the usr partition for ${usr.architecture ?? 'any'}`,
  );
}

/** The service manager has one root hash for an image, and so takes one hash tree. */
function checkHashTrees(name: string, selection: Selection): void {
  const [root, usr] = [selection.get('root-verity'), selection.get('usr-verity')];
  if (root === undefined || usr === undefined) return;
  throw unsuitable(
    name,
    `partitions ${root.number} and ${usr.number} are hash trees, and there can be only one`,
  );
}

function describeTypes(table: GptTable): string {
  const types = table.partitions.map((each) => partitionType(each.type)?.designator ?? each.type);
  return types.length === 0 ? 'no partitions' : types.join(', ');
}

function unsuitable(name: string, what: string, details: { readonly hint?: string } = {}): PortableError {
  return new PortableError('InvalidArgs', `${quoted(name)} has no suitable partitions: ${what}`, {
    file: name,
    ...details,
  });
}
