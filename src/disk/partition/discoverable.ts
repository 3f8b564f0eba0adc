/**
 * Partition types and flags of UAPI.2, the Discoverable Partitions Specification:
 * https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
 */

import { typesByArchitecture } from './type-table.ts';

/** What a partition is for, named as in systemd.image-policy(7), in the order in which systemd writes policies. */
export const designators = [
  'root',
  'usr',
  'home',
  'srv',
  'esp',
  'xbootldr',
  'swap',
  'root-verity',
  'usr-verity',
  'root-verity-sig',
  'usr-verity-sig',
  'tmp',
  'var',
] as const;

export type Designator = (typeof designators)[number];

/** A partition type of the specification. */
export interface PartitionType {
  readonly designator: Designator;
  /** As systemd names it ("x86-64"); undefined for types that are the same everywhere. */
  readonly architecture: string | undefined;
}

/** The designators of the columns of `typesByArchitecture`. */
const columns = [
  'root',
  'root-verity',
  'root-verity-sig',
  'usr',
  'usr-verity',
  'usr-verity-sig',
] as const satisfies readonly Designator[];

const forAll: Readonly<Partial<Record<Designator, string>>> = {
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  xbootldr: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  home: '933ac7e1-2eb4-4f13-b844-0e14e2aef915',
  srv: '3b8f8425-20e0-4f3b-907f-1a25a76f98e8',
  var: '4d21b016-b534-45c2-a9fb-5c16e091fd2d',
  tmp: '7ec6f557-3bc5-4aca-b293-16ef5df639d1',
};

/** The type of a partition that holds some Linux file system: which, it does not say. */
export const linuxGeneric = '0fc63daf-8483-4772-8e79-3d69d8477de4';

const types = new Map<string, PartitionType>();
for (const [architecture, row] of Object.entries(typesByArchitecture)) {
  for (const [i, designator] of columns.entries()) types.set(row[i] ?? '', { designator, architecture });
}
for (const designator of designators) {
  const uuid = forAll[designator];
  if (uuid !== undefined) types.set(uuid, { designator, architecture: undefined });
}

/** The type with this UUID (lower case, with dashes), or undefined when the specification does not have it. */
export function partitionType(uuid: string): PartitionType | undefined {
  return types.get(uuid);
}

/** The architecture whose programs a machine runs besides its own, where there is one. */
export function secondaryArchitecture(architecture: string): string | undefined {
  return secondary[architecture];
}

const secondary: Readonly<Record<string, string>> = {
  'x86-64': 'x86',
  arm64: 'arm',
  mips64: 'mips',
  'mips64-le': 'mips-le',
  ppc64: 'ppc',
  s390x: 's390',
  sparc64: 'sparc',
};

/** The attributes of a GPT entry that the specification defines, and the one that UEFI defines for ESPs. */
export const gptFlags = {
  /** "No Block IO Protocol": the firmware shall not look at the partition. */
  noBlockIo: 1n << 1n,
  growFileSystem: 1n << 59n,
  readOnly: 1n << 60n,
  noAuto: 1n << 63n,
} as const;
