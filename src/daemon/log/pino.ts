/** pino, set up with the journal's levels and with our own end instead of a file. Loaded when there is something to log. */
import { pino } from 'pino';

import type { Entry } from './entry.ts';
import { logLevels, priorityOf, type LogLevel } from './levels.ts';

/** pino counts upwards, from 10 (trace) to 60 (fatal); syslog counts down from 7 (debug) to 0 (emerg). */
const customLevels = Object.fromEntries(
  logLevels.map((level) => [level, 10 * (logLevels.length - priorityOf(level))]),
) as Record<LogLevel, number>;

/**
 * @param write takes each entry, and the line pino made of it: JSON with level, time, fields and message
 * @returns a function that logs an entry, whatever its level: what is wanted is decided before
 */
export function pinoLogger(write: (entry: Entry, json: string) => void): (entry: Entry) => void {
  let current: Entry | undefined;
  const destination = {
    write: (json: string): void => {
      if (current !== undefined) write(current, json);
    },
  };
  const logger = pino(
    {
      base: null,
      level: 'debug',
      customLevels,
      useOnlyCustomLevels: true,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return (entry) => {
    current = entry; // pino calls write before it returns
    logger[entry.level](entry.fields, entry.message);
    current = undefined;
  };
}
