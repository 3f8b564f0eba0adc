/** org.freedesktop.LogControl1: the log, looked at and turned up or down while running (org.freedesktop.LogControl1(5)). */
import { PortableError, quoted } from '../base/errors.ts';
import { property, type Interface } from './interface.ts';

/** The log's settings, by the names that the interface's manual page gives levels and targets. */
export interface LogControl {
  readonly level: string;
  readonly target: string;
  /** What we are called in the journal. */
  readonly identifier: string;
  /** @returns whether there is such a level */
  setLevel(text: string): boolean;
  /** @returns whether there is such a target */
  setTarget(text: string): boolean;
}

export const logControlInterface: Interface<LogControl> = {
  name: 'org.freedesktop.LogControl1',
  properties: {
    LogLevel: property(
      's',
      (log) => log.level,
      (log, text) => {
        if (!log.setLevel(text)) throw new PortableError('InvalidArgs', `invalid log level ${quoted(text)}`);
      },
    ),
    LogTarget: property(
      's',
      (log) => log.target,
      (log, text) => {
        if (!log.setTarget(text))
          throw new PortableError('InvalidArgs', `invalid log target ${quoted(text)}`);
      },
    ),
    SyslogIdentifier: property('s', (log) => log.identifier),
  },
  methods: {},
};
