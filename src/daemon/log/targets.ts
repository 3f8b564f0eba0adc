/** Where log entries go: the names LogControl1 knows (org.freedesktop.LogControl1(5)), and what each means here. */

/** How entries are put on standard error, or not at all. */
export type Output = 'journal' | 'prefixed' | 'console' | 'json' | 'none';

/**
 * The journal reads our standard error, and journald forwards to syslog and the kernel log where it is told to, so
 * those names mean the journal too. "json" is ours: one pino line per entry, for hosts without a journal.
 */
const outputs = {
  auto: 'journal',
  journal: 'journal',
  'journal-or-kmsg': 'journal',
  syslog: 'journal',
  'syslog-or-kmsg': 'journal',
  kmsg: 'journal',
  console: 'console',
  'console-prefixed': 'prefixed',
  json: 'json',
  null: 'none',
} as const satisfies Record<string, Output>;

export type LogTarget = keyof typeof outputs;

/** Every target there is. */
export const logTargets: readonly string[] = Object.keys(outputs);

/** Whether there is such a target. */
export function isLogTarget(text: string): text is LogTarget {
  return Object.hasOwn(outputs, text);
}

/**
 * How entries for a target are written.
 * @param toJournal whether standard error is connected to the journal; "auto" means readable lines where it is not
 */
export function outputOf(target: LogTarget, toJournal: boolean): Output {
  const output = outputs[target];
  return target === 'auto' && !toJournal ? 'console' : output;
}
