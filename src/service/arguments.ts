/** Method arguments as the bus carries them → the typed requests of src/portable (spec "D-Bus interface", Arguments). */
import { PortableError, quoted } from '../base/errors.ts';
import { unknownSize } from '../images/image.ts';
import { parseImageArgument } from '../images/names.ts';
import type { CopyMode, ImageRef } from '../portable/requests.ts';

/** The bits of the `flags` argument (org.freedesktop.portable1(5), SD_SYSTEMD_PORTABLE_…). */
const flag = { runtime: 1n, forceAttach: 2n, forceExtension: 4n } as const;
const allFlags = flag.runtime | flag.forceAttach | flag.forceExtension;

export interface Flags {
  readonly runtime: boolean;
  readonly force: boolean;
  readonly forceExtension: boolean;
}

/** An image and its extensions, their syntax checked. @throws PortableError InvalidArgs */
export function imageRef(image: string, extensions: readonly string[] = []): ImageRef {
  parseImageArgument(image);
  for (const extension of extensions) parseImageArgument(extension, 'extension');
  return { image, extensions };
}

/** @throws PortableError InvalidArgs, naming the value */
export function parseFlags(flags: bigint): Flags {
  if ((flags & ~allFlags) !== 0n) {
    throw new PortableError('InvalidArgs', `the 'flags' parameter ${flags.toString()} has unknown bits`, {
      hint: 'known are 1 (runtime), 2 (force attach) and 4 (force extension)',
    });
  }
  return {
    runtime: (flags & flag.runtime) !== 0n,
    force: (flags & flag.forceAttach) !== 0n,
    forceExtension: (flags & flag.forceExtension) !== 0n,
  };
}

/** For the methods whose flags have no meaning yet. @throws PortableError InvalidArgs, naming the value */
export function noFlags(flags: bigint): void {
  if (flags !== 0n) {
    throw new PortableError('InvalidArgs', `the 'flags' parameter ${flags.toString()} is not 0`, {
      hint: 'this method has no flags',
    });
  }
}

const copyModes: readonly CopyMode[] = ['', 'copy', 'symlink', 'mixed'];

/** @throws PortableError InvalidArgs */
export function parseCopyMode(text: string): CopyMode {
  const mode = copyModes.find((candidate) => candidate === text);
  if (mode === undefined) {
    throw new PortableError('InvalidArgs', `unknown copy mode ${quoted(text)}`, {
      hint: "'copy', 'symlink', 'mixed', or empty for the default",
    });
  }
  return mode;
}

/** A size limit in bytes; the largest number means none. @throws PortableError InvalidArgs */
export function parseLimit(bytes: bigint): bigint {
  if (bytes !== unknownSize && bytes > (1n << 63n) - 1n) {
    throw new PortableError('InvalidArgs', `the limit ${bytes.toString()} is out of range`, {
      hint: `at most 2^63 - 1 bytes, or ${unknownSize.toString()} for no limit`,
    });
  }
  return bytes;
}
