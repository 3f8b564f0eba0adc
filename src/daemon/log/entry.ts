/** One log entry, and the ways it is written as a line. */
import { escapeControl } from '../../base/errors.ts';
import type { JournalFields } from '../../base/log.ts';
import { priorityOf, type LogLevel } from './levels.ts';

export interface Entry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: JournalFields;
}

/** With the priority in front, as the journal takes it from standard error: sd-daemon(3), "<4>text". */
export function prefixedLine(entry: Entry): string {
  return `<${priorityOf(entry.level)}>${escapeControl(entry.message)}\n`;
}

/** Colours of a terminal (ECMA-48 SGR): errors red, warnings yellow, notices bold, debugging grey. */
const colours: Readonly<Partial<Record<LogLevel, string>>> = {
  emerg: '1;31',
  alert: '1;31',
  crit: '1;31',
  err: '1;31',
  warning: '1;33',
  notice: '1',
  debug: '90',
};

/** For people: "portabled: warning: text"; the level is left out where it is just information. */
export function readableLine(entry: Entry, identifier: string, colour: boolean): string {
  const level = entry.level === 'info' || entry.level === 'notice' ? '' : `${wordFor(entry.level)}: `;
  const text = `${level}${escapeControl(entry.message)}`;
  const sgr = colour ? colours[entry.level] : undefined;
  return `${identifier}: ${sgr === undefined ? text : `\u001b[${sgr}m${text}\u001b[0m`}\n`;
}

function wordFor(level: LogLevel): string {
  return level === 'err' ? 'error' : level;
}

/**
 * In the journal's text form, one FIELD=value per line; a list gives one line per value. Control characters are
 * escaped: a value must not be able to start a field of its own.
 * @param pid ours: the entry is sent by a helper that may be gone before journald looks at it, and OBJECT_PID= makes
 *   journald file it under our unit all the same (systemd.journal-fields(7))
 */
export function journalText(entry: Entry, identifier: string, pid: number): string {
  const fields: JournalFields = {
    MESSAGE: entry.message,
    PRIORITY: String(priorityOf(entry.level)),
    SYSLOG_IDENTIFIER: identifier,
    SYSLOG_PID: String(pid),
    OBJECT_PID: String(pid),
    ...entry.fields,
  };
  return Object.entries(fields)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}=${escapeControl(one)}\n`))
    .join('');
}
