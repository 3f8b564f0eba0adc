/** The eight levels of syslog(3), under the names systemd gives them (org.freedesktop.LogControl1(5)). */

/** In order of priority: the index is the syslog priority. */
export const logLevels = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'] as const;

export type LogLevel = (typeof logLevels)[number];

/** The syslog priority of a level, 0 (emerg) to 7 (debug). */
export function priorityOf(level: LogLevel): number {
  return logLevels.indexOf(level);
}

/** A level by name or by number; undefined for anything else. */
export function parseLogLevel(text: string): LogLevel | undefined {
  if (/^[0-7]$/.test(text)) return logLevels[Number(text)];
  return logLevels.find((level) => level === text);
}
