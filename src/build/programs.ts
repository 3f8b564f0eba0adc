/** The programs that units run: each must be in the image, and executable there. */
import { PortableError, quoted } from '../base/errors.ts';
import { parseUnitFile } from '../base/unit-file.ts';
import { bringProgram } from './closure.ts';
import { parseExecLine } from './exec-line.ts';
import type { Importer } from './importer.ts';
import type { ImageUnit } from './units.ts';

/** systemd.service(5), systemd.socket(5). */
const commands = new Set([
  ...['ExecCondition', 'ExecStartPre', 'ExecStart', 'ExecStartPost', 'ExecReload', 'ExecReloadPost'],
  ...['ExecStop', 'ExecStopPre', 'ExecStopPost'],
]);

/** What is mounted over or made when the service runs. */
const elsewhere = /^\/(?:proc|sys|dev|run|tmp|var)(?:\/|$)/;

/** A command of a unit. */
interface Command {
  readonly where: string;
  readonly program: string;
  readonly mayFail: boolean;
  readonly args: readonly string[];
}

/**
 * Brings the programs of all units from the source root where the image does not have them.
 * @param extension what is missing may be in what it is laid over
 * @returns their paths in the image
 * @throws PortableError FileNotFound, InvalidArgs (not executable), each naming unit and line
 */
export function bringUnitPrograms(
  importer: Importer,
  units: readonly ImageUnit[],
  extension: boolean,
): readonly string[] {
  return units.flatMap(commandsOf).flatMap((command) => {
    const { where, program, mayFail } = command;
    if (program.includes('%')) {
      importer.warnings.push(`${where}: whether ${quoted(program)} exists depends on specifiers`);
      return [];
    }
    const at = bringProgram(importer, program);
    const node = at === undefined ? undefined : importer.tree.find(at)?.node;
    if (at !== undefined && node?.kind === 'file' && (node.mode & 0o111) !== 0) return [at];
    const problem = problemOf(command, node?.kind);
    if (!mayFail && !(extension && node === undefined)) throw problem;
    importer.warnings.push(problem.message);
    return [];
  });
}

/** Files that command lines name, that the source root has and the image does not: probably forgotten. */
export function warnOfArguments(importer: Importer, units: readonly ImageUnit[]): void {
  for (const { where, args } of units.flatMap(commandsOf)) {
    for (const each of args) {
      if (!/^\/[\w./+-]+$/.test(each) || elsewhere.test(each)) continue;
      if (importer.tree.find(each) !== undefined || importer.source.find(each) === undefined) continue;
      importer.warnings.push(`${where} names ${quoted(each)}, which is not in the image`);
    }
  }
}

function commandsOf({ name, text }: ImageUnit): readonly Command[] {
  return parseUnitFile(text)
    .filter(({ section, key }) => ['Service', 'Socket'].includes(section) && commands.has(key))
    .flatMap(({ key, value, line }) =>
      parseExecLine(value).map((each) => ({ ...each, where: `${key}= of ${name} (line ${line})` })),
    );
}

function problemOf({ where, program }: Command, kind: string | undefined): PortableError {
  if (kind === undefined) {
    return new PortableError('FileNotFound', `${where}: ${quoted(program)} is not in the image`, {
      file: program,
      hint: 'add it with --content, or the package it is in with --package',
    });
  }
  return new PortableError('InvalidArgs', `${where}: ${quoted(program)} is not executable`, {
    file: program,
    hint: kind === 'file' ? `chmod +x ${program}` : `it is a ${kind}`,
  });
}
