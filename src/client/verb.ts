/** What a verb is given, and what it is. */
import type { Terminal } from '../terminal/terminal.ts';
import type { Settings } from './command-line/settings.ts';
import type { Services } from './services.ts';

export interface Context {
  readonly settings: Settings;
  /** What was typed behind the verb. */
  readonly args: readonly string[];
  readonly terminal: Terminal;
  /** The directory that relative paths are relative to. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whom it works with; closed when the verb has ended. */
  readonly services: Services;
}

/** Runs a verb. @returns the exit code */
export type Verb = (context: Context) => Promise<number>;
