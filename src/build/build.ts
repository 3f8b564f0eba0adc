/** Building an image: describe, stage, check, write. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

import { PortableError, quoted } from '../base/errors.ts';
import type { BuildDescription, ImageFormat } from './description.ts';
import { protectedNames, protectImage } from './integrity/protect.ts';
import type { ProtectionRequest } from './integrity/protect.ts';
import { produce } from './output.ts';
import { stage, type Staged } from './stage.ts';
import { writeDirectory } from './write/directory.ts';
import { writeErofs } from './write/erofs.ts';
import { sizeOf, type TreeSize } from './write/size.ts';
import { writeSquashfs } from './write/squashfs.ts';
import type { WriteSettings } from './write/settings.ts';
import type { StagingTree } from './tree.ts';

export interface BuildOptions {
  /** Where the image goes; absolute. */
  readonly outputDirectory: string;
  /** Replace an image that is there. */
  readonly force?: boolean;
  /** The one time of everything in the image, seconds since the epoch: SOURCE_DATE_EPOCH. Default: 1, as in Nix. */
  readonly time?: number;
  /** Where mksquashfs and the like are looked up, as in PATH. */
  readonly searchPath: string;
  /** Ends the build; nothing is left of it. */
  readonly signal?: AbortSignal;
  /** Told how many bytes of how many have been handed to the writer. */
  readonly progress?: (done: number, total: number) => void;
}

/** What was built. */
export interface BuildResult extends TreeSize {
  /** Paths of everything written, the image first. */
  readonly outputs: readonly string[];
  readonly format: ImageFormat;
  /** Bytes of the image file; of a directory, of what is in it. */
  readonly imageBytes: number;
  /** Of the image file, hexadecimal; undefined for a directory. */
  readonly sha256: string | undefined;
  /** Of the hash tree, hexadecimal; undefined without one. */
  readonly rootHash: string | undefined;
  /** Names, sorted. */
  readonly units: readonly string[];
  /** The Debian packages whose files are in it, "name version", sorted. */
  readonly packages: readonly string[];
  /** What is odd, but no reason to fail. */
  readonly warnings: readonly string[];
}

const writers: Readonly<
  Record<ImageFormat, (tree: StagingTree, file: string, settings: WriteSettings) => Promise<void>>
> = { squashfs: writeSquashfs, erofs: writeErofs, directory: writeDirectory };

/**
 * Builds a portable service image NAME_VERSION.raw (or the directory NAME_VERSION). The same contents, description and
 * time give the same bytes. When it fails, nothing has appeared in the output directory.
 * @throws PortableError InvalidArgs, FileNotFound, AccessDenied, NoMatchingUnitFiles … naming what is wrong;
 *   FileExists; NotSupported when the program that writes the format is missing
 */
export async function buildImage(description: BuildDescription, options: BuildOptions): Promise<BuildResult> {
  checkNames(description);
  checkCombination(description);
  const signal = options.signal ?? new AbortController().signal;
  const { searchPath } = options;
  const format = description.format ?? 'squashfs';
  const identity = `${description.name}_${description.version}`;
  const fileName = format === 'directory' ? identity : `${identity}.raw`;
  const wanted = protectionOf(description);
  const names = format === 'directory' ? [identity] : protectedNames(identity, wanted);
  const output = { directory: options.outputDirectory, force: options.force ?? false };
  const { result, outputs } = await produce(output, names, async (scratch) => {
    const staged = await stage(description, { scratch, signal });
    try {
      const image = path.join(scratch, fileName);
      await writers[format](staged.tree, image, {
        time: options.time ?? 1,
        compression: description.compression,
        blockSize: description.blockSize,
        identity,
        searchPath,
        signal,
        progress: options.progress ?? (() => undefined),
      });
      const rootHash =
        format === 'directory'
          ? undefined
          : await protectImage(scratch, staged.architecture, wanted, { identity, searchPath, signal });
      return { made: names, staged, facts: { ...(await factsOf(staged, image, format)), rootHash } };
    } finally {
      await staged.close();
    }
  });
  const { units, packages, warnings } = result.staged;
  return { outputs, ...result.facts, units: units.map(({ name }) => name), packages, warnings };
}

/** What is counted and measured. */
async function factsOf(
  { tree }: Staged,
  image: string,
  format: ImageFormat,
): Promise<TreeSize & Pick<BuildResult, 'format' | 'imageBytes' | 'sha256'>> {
  const size = sizeOf(tree);
  if (format === 'directory') return { ...size, format, imageBytes: size.closureBytes, sha256: undefined };
  return { ...size, format, imageBytes: (await stat(image)).size, sha256: await digestOf(image) };
}

/** What is wanted beside the file system. */
function protectionOf({ verity, sign, certificate, gpt }: BuildDescription): ProtectionRequest {
  const signer = sign === undefined || certificate === undefined ? undefined : { key: sign, certificate };
  // what is signed is the root hash
  return { verity: verity === true || signer !== undefined, signer, gpt: gpt === true };
}

/** @throws PortableError InvalidArgs for parameters that do not go together */
function checkCombination(description: BuildDescription): void {
  const { type = 'portable', format, container, base, fields, verity, sign, certificate, gpt } = description;
  const given = (value: unknown): boolean => value !== undefined && value !== false;
  const bad: readonly (readonly [boolean, string])[] = [
    [type !== 'portable' && given(container), 'a container image is a whole system, and no extension'],
    [type === 'portable' && (given(base) || given(fields)), 'only extensions have a base and fields'],
    [given(sign) !== given(certificate), 'signing takes a key and its certificate'],
    [
      format === 'directory' && [verity, sign, gpt].some(given),
      'a directory cannot have a hash tree or a partition table',
    ],
  ];
  const problem = bad.find(([applies]) => applies)?.[1];
  if (problem !== undefined) throw new PortableError('InvalidArgs', problem);
}

/**
 * The file name is what attaching goes by: up to the first "_" (or "+") it is the prefix of unit names.
 * @throws PortableError InvalidArgs
 */
function checkNames({ name, version }: BuildDescription): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9:.-]*$/.test(name) || name.length > 100) {
    throw new PortableError('InvalidArgs', `${quoted(name)} is no name for a portable service`, {
      hint: 'letters, digits, ":", "." and "-"; "_" separates it from the version',
    });
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9.~^+-]*$/.test(version) || version.length > 100) {
    throw new PortableError('InvalidArgs', `${quoted(version)} is no version`, {
      hint: 'letters, digits, ".", "~", "^", "+" and "-": UAPI.10 Version Format',
    });
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
