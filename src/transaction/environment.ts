import type { Log } from '../base/log.ts';
import type { CopyContext } from './copy-image.ts';
import type { Labels } from './labels.ts';
import type { Lock } from './lock.ts';

/** What a transaction needs to know of the host it changes. */
export interface TransactionEnvironment {
  /** The host root, an absolute path on disk: "/", or where a tree is being built. */
  readonly root: string;
  /**
   * The directories that transactions may change anything below, absolute as seen from the root: those for attached
   * units and those for image links. A plan, or a journal, that names anything else is refused.
   */
  readonly bases: readonly string[];
  /** Where this transaction's journal goes, a path on disk; as lasting as what the plan changes. */
  readonly journalDir: string;
  /** Every directory on disk that may hold journals for `bases`; `journalDir` is always one of them. */
  readonly journalDirs?: readonly string[] | undefined;
  readonly lock: Lock;
  readonly log: Log;
  /** SELinux labels for what is put in place; undefined for a tree that is not running, whose policy nobody can ask. */
  readonly labels?: Labels | undefined;
  /** Cancels until the commit point; afterwards the transaction completes. */
  readonly signal?: AbortSignal | undefined;
  /** How often a long copy of an image is logged, in ms (default 5000). */
  readonly copyReportMs?: number | undefined;
  /** Told, a few times a second, how far a copy is that takes a while. */
  readonly copying?: CopyContext['copying'];
  /** Called as files get staged, for those who copy whole images. */
  readonly progress?: ((staged: number, total: number) => void) | undefined;
}

/** All journal directories of an environment, each once. */
export function journalDirsOf(env: TransactionEnvironment): readonly string[] {
  return [...new Set([env.journalDir, ...(env.journalDirs ?? [])])];
}
