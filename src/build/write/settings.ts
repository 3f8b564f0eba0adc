/** What every writer of images is told. */
import type { ToolOptions } from '../../base/tool.ts';

export interface WriteSettings {
  /** The one time of everything in the image, seconds since the epoch. */
  readonly time: number;
  /** As the tool takes it: "xz -Xdict-size 100%", "lz4hc,12"; undefined: our default. */
  readonly compression: string | undefined;
  /** Bytes; undefined: our default. */
  readonly blockSize: number | undefined;
  /** What identifies the image: file system UUIDs are derived from it. */
  readonly identity: string;
  /** Where programs are looked up, as in PATH. */
  readonly searchPath: string;
  readonly signal: AbortSignal;
  /** Told the bytes of the tree that have been handed to the writer, and of how many. */
  readonly progress: (done: number, total: number) => void;
}

/** Reads the search path and the signal into what runTool takes. */
export function toolOptions(
  { searchPath, signal }: Pick<WriteSettings, 'searchPath' | 'signal'>,
  options: Pick<ToolOptions, 'doing' | 'file' | 'package' | 'input'>,
): ToolOptions {
  // mksquashfs refuses times of ours beside the variable's; administrators' programs are in no user's PATH
  const env = { SOURCE_DATE_EPOCH: undefined, PATH: `${searchPath}:/usr/sbin:/sbin` };
  return { ...options, signal, env };
}
