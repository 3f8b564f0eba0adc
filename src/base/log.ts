/** Structured logging, as the rest of the code sees it; the daemon puts pino and the journal behind it. */

/** Upper-case journal fields to go with an entry (systemd.journal-fields(7)); a list gives one field per value. */
export type JournalFields = Readonly<Record<string, string | readonly string[]>>;

export interface Log {
  debug(message: string, fields?: JournalFields): void;
  info(message: string, fields?: JournalFields): void;
  notice(message: string, fields?: JournalFields): void;
  warning(message: string, fields?: JournalFields): void;
  error(message: string, fields?: JournalFields): void;
}

/** A log that drops everything: the library's default. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  notice: () => undefined,
  warning: () => undefined,
  error: () => undefined,
};
