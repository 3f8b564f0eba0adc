/** org.freedesktop.LogControl1: the log, looked at and turned up or down while running (org.freedesktop.LogControl1(5)). */
import { PortableError, quoted } from '../base/errors.ts';
import { property, type Interface } from './interface.ts';

const logLevels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;
const logTargets = [
  'console',
  'console-prefixed',
  'kmsg',
  'journal',
  'journal-or-kmsg',
  'syslog',
  'syslog-or-kmsg',
  'auto',
  'null',
] as const;

export type LogLevel = (typeof logLevels)[number];
export type LogTarget = (typeof logTargets)[number];

/** The log's settings. Assigning takes effect at once; a target that cannot be used throws a PortableError. */
export interface LogControl {
  level: LogLevel;
  target: LogTarget;
  readonly syslogIdentifier: string;
}

export const logControlInterface: Interface<LogControl> = {
  name: 'org.freedesktop.LogControl1',
  properties: {
    LogLevel: property(
      's',
      (log) => log.level,
      (log, text) => {
        log.level = oneOf(logLevels, text, 'log level');
      },
    ),
    LogTarget: property(
      's',
      (log) => log.target,
      (log, text) => {
        log.target = oneOf(logTargets, text, 'log target');
      },
    ),
    SyslogIdentifier: property('s', (log) => log.syslogIdentifier),
  },
  methods: {},
};

function oneOf<T extends string>(values: readonly T[], text: string, what: string): T {
  const value = values.find((candidate) => candidate === text);
  if (value === undefined) {
    throw new PortableError('InvalidArgs', `invalid ${what} ${quoted(text)}`, { hint: values.join(', ') });
  }
  return value;
}
