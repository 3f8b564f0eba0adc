/** Writing squashfs, with mksquashfs(1). */
import { Readable } from 'node:stream';

import { PortableError, quoted } from '../../base/errors.ts';
import { runTool } from '../../base/tool.ts';
import { hasOwners } from '../tree.ts';
import type { StagingTree } from '../tree.ts';
import { toolOptions, type WriteSettings } from './settings.ts';
import { sizeOf } from './size.ts';
import { tarOf } from './tar.ts';

const defaultCompression = 'xz -Xdict-size 100%';
const defaultBlockSize = 1024 * 1024;

/** What squashfs allows, bytes: Documentation/filesystems/squashfs.rst of the kernel. */
const smallestBlock = 4096;
const largestBlock = 1024 * 1024;

/** The first mksquashfs that reads tar archives. */
const oldest = { major: 4, minor: 5 };

const compressors = ['gzip', 'lzo', 'lz4', 'xz', 'zstd', 'lzma'];

/**
 * Writes the tree as one squashfs into a new file. The same tree and settings give the same bytes.
 * @throws PortableError InvalidArgs for a compression or block size that is none; NotSupported when mksquashfs is
 *   missing or too old; what reading the tree or running it throws
 */
export async function writeSquashfs(tree: StagingTree, file: string, settings: WriteSettings): Promise<void> {
  const compression = compressionArguments(settings.compression ?? defaultCompression);
  const blockSize = checkedBlockSize(settings.blockSize ?? defaultBlockSize);
  const version = await checkVersion(settings);
  const time = String(settings.time);
  const times = ['-all-time', time, '-mkfs-time', time];
  const quiet = ['-quiet', '-no-progress'];
  const root = [...ownership(tree, version, file), '-root-mode', (tree.root.mode & 0o1777).toString(8)];
  const archive = counted(tree, settings);
  const options = ['-tar', ...quiet, ...root, ...times, '-b', String(blockSize), ...compression];
  try {
    await runTool(
      'mksquashfs',
      ['-', file, ...options],
      toolOptions(settings, {
        doing: `write ${quoted(file)}`,
        file,
        package: 'squashfs-tools',
        input: Readable.from(archive.pieces),
      }),
    );
  } catch (error) {
    // when the archive broke off, that is the reason, and not what mksquashfs made of it
    throw archive.failure() ?? error;
  }
}

/** The archive, what it failed with kept, and its bytes counted for who wants to know. */
function counted(tree: StagingTree, { time, progress }: WriteSettings) {
  const total = sizeOf(tree).closureBytes;
  let failure: unknown;
  async function* pieces(): AsyncGenerator<Buffer, void> {
    let done = 0;
    try {
      for await (const piece of tarOf(tree, time)) {
        yield piece;
        done += piece.length;
        progress(Math.min(done, total), total);
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  return { pieces: pieces(), failure: () => failure };
}

/** "xz -Xdict-size 100%" → ["-comp", "xz", "-Xdict-size", "100%"]: a compressor, and options of compressors only. */
function compressionArguments(compression: string): string[] {
  const [compressor = '', ...options] = compression.trim().split(/\s+/);
  const fits =
    compressors.includes(compressor) &&
    options.every((word, i) => /^-X[a-z-]+$/.test(word) || (i > 0 && /^[a-z0-9][a-z0-9,_%.-]*$/i.test(word)));
  if (fits) return ['-comp', compressor, ...options];
  throw new PortableError('InvalidArgs', `${quoted(compression)} is no compression of squashfs`, {
    hint: `one of ${compressors.join(', ')}, perhaps with options of that compressor: "xz -Xdict-size 100%"`,
  });
}

function checkedBlockSize(bytes: number): number {
  const powerOfTwo = Number.isInteger(Math.log2(bytes));
  if (powerOfTwo && bytes >= smallestBlock && bytes <= largestBlock) return bytes;
  throw new PortableError('InvalidArgs', `squashfs cannot have blocks of ${bytes} bytes`, {
    hint: 'a power of two from 4K to 1M',
  });
}

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Everything root's, or what the archive says; that has no entry for the root directory. */
function ownership(tree: StagingTree, version: Version, file: string): string[] {
  if (!hasOwners(tree)) return ['-all-root'];
  if (isAtLeast(version, { major: 4, minor: 6 })) return ['-root-uid', '0', '-root-gid', '0'];
  // it takes the root directory for that of whoever runs it
  if (process.geteuid?.() === 0) return [];
  throw new PortableError('NotSupported', 'files of several users need mksquashfs 4.6, or root', { file });
}

async function checkVersion(settings: WriteSettings): Promise<Version> {
  const options = { doing: 'write a squashfs', file: 'mksquashfs', package: 'squashfs-tools' };
  const said = await runTool('mksquashfs', ['-version'], toolOptions(settings, options));
  const [major = 0, minor = 0] = (/version (\d+)\.(\d+)/.exec(said) ?? []).slice(1).map(Number);
  if (isAtLeast({ major, minor }, oldest)) return { major, minor };
  const message = `cannot write a squashfs: this mksquashfs is older than ${oldest.major}.${oldest.minor}`;
  throw new PortableError('NotSupported', message, { hint: said.split('\n')[0] });
}

function isAtLeast(version: Version, wanted: Version): boolean {
  return version.major > wanted.major || (version.major === wanted.major && version.minor >= wanted.minor);
}
