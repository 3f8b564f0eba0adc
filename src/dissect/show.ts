/** A report as people read it, and as programs do. */
import type { ImagePart } from '../disk/open.ts';
import { formatJson, type Json, type JsonMode } from '../terminal/json.ts';
import { formatSize } from '../terminal/sizes.ts';
import { formatTable } from '../terminal/table.ts';
import type { Output } from '../terminal/terminal.ts';
import { escapeControl } from '../base/errors.ts';
import { type Release, type Report, usesOf } from './report.ts';

/** Tables and fields. */
export function showText(
  report: Report,
  output: Pick<Output, 'columns' | 'styles'>,
  legend: boolean,
): string {
  const { bold } = output.styles;
  const sections = [
    fields(generalFields(report), bold),
    ...(report.parts.length === 0 ? [] : [partsTable(report.parts, output, legend)]),
    ...releases(report).map(
      ([title, release]) => `${bold(title)} (${escapeControl(release.path)})\n${assignments(release)}`,
    ),
    ...unitsSection('Units', report.units, bold),
    ...unitsSection('User units', report.userUnits, bold),
  ];
  return sections.join('\n');
}

function generalFields(report: Report): readonly (readonly [string, string])[] {
  const { table, size } = report;
  const kinds = {
    directory: 'directory',
    subvolume: 'subvolume',
    raw: 'raw image',
    block: 'block device',
  } as const;
  const inTable = table === undefined ? '' : ` in ${table.kind === 'gpt' ? 'a GPT' : 'an MBR'}`;
  const uses = usesOf(report);
  return [
    ['Name', report.name],
    ['Path', report.path],
    [
      'Type',
      report.type === 'directory' ? kinds.directory : `${kinds[report.type]}, ${report.fileSystem}${inTable}`,
    ],
    ...(size === undefined ? [] : [['Size', formatSize(size)] as const]),
    ...(table === undefined ? [] : [['Sector size', `${table.sectorSize}B`] as const]),
    ...(table?.uuid === undefined ? [] : [['Disk UUID', table.uuid] as const]),
    [
      'Use as',
      uses.length === 0 ? 'nothing: it has neither os-release nor extension-release' : uses.join(', '),
    ],
    ...(report.prefixes.length === 0 ? [] : [['Prefixes', report.prefixes.join(' ')] as const]),
    ...(report.policy === undefined ? [] : [['Image policy', report.policy] as const]),
    ...(size === undefined ? [] : [['Bytes read', formatSize(BigInt(report.bytesRead))] as const]),
  ];
}

function fields(pairs: readonly (readonly [string, string])[], bold: (text: string) => string): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) => `${bold(`${name}:`.padStart(width + 1))} ${escapeControl(value)}\n`)
    .join('');
}

function partsTable(
  parts: readonly ImagePart[],
  output: Pick<Output, 'columns' | 'styles'>,
  legend: boolean,
): string {
  const columns = [
    { title: 'RW' },
    { title: 'DESIGNATOR' },
    { title: 'FSTYPE' },
    { title: 'SIZE', align: 'right' },
    { title: 'PROTECTION' },
    { title: 'VERITY' },
    { title: 'PARTNO', align: 'right' },
    { title: 'ARCHITECTURE' },
    { title: 'LABEL' },
    { title: 'UUID' },
  ] as const;
  const rows = parts.map(({ readOnly, designator, fileSystem, size, protection, verity, partition }) => [
    readOnly ? 'ro' : 'rw',
    designator,
    fileSystem ?? '-',
    formatSize(size),
    protection,
    verity === undefined
      ? '-'
      : `${verity.algorithm}${verity.signature === undefined ? '' : `, signature ${verity.signature}`}`,
    partition === undefined ? '-' : String(partition.number),
    partition?.architecture ?? '-',
    partition?.label === undefined || partition.label === '' ? '-' : partition.label,
    partition?.uuid ?? '-',
  ]);
  return formatTable(columns, rows, output, { legend });
}

function releases(report: Report): readonly (readonly [string, Release])[] {
  return [
    ...(report.osRelease === undefined ? [] : [['OS release', report.osRelease] as const]),
    ...report.sysexts.map((each) => ['System extension release', each] as const),
    ...report.confexts.map((each) => ['Configuration extension release', each] as const),
  ];
}

function assignments({ fields: all }: Release): string {
  return [...all].map(([name, value]) => `  ${name}=${escapeControl(value)}\n`).join('');
}

function unitsSection(title: string, units: readonly string[], bold: (text: string) => string): string[] {
  if (units.length === 0) return [];
  return [`${bold(title)}\n${units.map((unit) => `  ${escapeControl(unit)}\n`).join('')}`];
}

/** As JSON; what systemd-dissect(1) tells as well has its names. */
export function showJson(report: Report, mode: Exclude<JsonMode, 'off'>): string {
  const { table } = report;
  return formatJson(
    {
      name: report.name,
      path: report.path,
      type: report.type,
      size: report.size ?? null,
      fileSystem: report.fileSystem,
      partitionTable: table?.kind ?? null,
      sectorSize: table?.sectorSize ?? null,
      imageUuid: table?.uuid ?? null,
      uses: usesOf(report),
      portablePrefixes: report.prefixes,
      imagePolicy: report.policy ?? null,
      osRelease: report.osRelease === undefined ? null : lines(report.osRelease),
      sysextRelease: report.sysexts[0] === undefined ? null : lines(report.sysexts[0]),
      confextRelease: report.confexts[0] === undefined ? null : lines(report.confexts[0]),
      units: report.units,
      userUnits: report.userUnits,
      bytesRead: report.bytesRead,
      mounts: report.parts.map(partJson),
    },
    mode,
  );
}

function lines({ fields: all }: Release): readonly string[] {
  return [...all].map(([name, value]) => `${name}=${value}`);
}

function partJson({ readOnly, designator, partition, fileSystem, ...part }: ImagePart): Json {
  return {
    rw: readOnly ? 'ro' : 'rw',
    designator,
    partition_uuid: partition?.uuid ?? null,
    partition_label: partition?.label === undefined || partition.label === '' ? null : partition.label,
    fstype: fileSystem ?? null,
    architecture: partition?.architecture ?? null,
    growfs: part.growFileSystem,
    partno: partition?.number ?? null,
    size: part.size,
    protection: part.protection,
    verity:
      part.verity === undefined
        ? null
        : {
            algorithm: part.verity.algorithm,
            rootHash: part.verity.rootHash,
            rootHashFrom: part.verity.rootHashFrom,
            signature: part.verity.signature ?? null,
          },
  };
}
