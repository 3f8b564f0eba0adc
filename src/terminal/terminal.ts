/** The two streams a program writes to, and what is known of who reads them. */
import type { Styles } from './styles.ts';

/** One stream. */
export interface Output {
  /** Writes all of it, or throws; whoever no longer reads counts as having read enough. */
  readonly write: (text: string | Uint8Array) => void;
  readonly isTerminal: boolean;
  /** A terminal on which a line can be drawn anew. */
  readonly canRedraw: boolean;
  /** Width in character cells; undefined where lines may be as long as they like: files and pipes. */
  readonly columns: number | undefined;
  readonly styles: Styles;
}

export interface Terminal {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Somebody could answer a question. */
  readonly canAsk: boolean;
}
