/** Writing EROFS, with mkfs.erofs(1). */
import { PortableError, quoted } from '../../base/errors.ts';
import { removeTree } from '../../base/remove-tree.ts';
import { runTool } from '../../base/tool.ts';
import { hasOwners } from '../tree.ts';
import type { StagingTree } from '../tree.ts';
import { uuidOf } from '../uuid.ts';
import { writeDirectory } from './directory.ts';
import { toolOptions, type WriteSettings } from './settings.ts';

/** In every mkfs.erofs and every kernel that has compression. */
const defaultCompression = 'lz4hc,12';
const defaultClusterSize = 64 * 1024;

const smallestCluster = 4096;
const largestCluster = 1024 * 1024;

/**
 * Writes the tree as one EROFS into a new file. The same tree and settings give the same bytes.
 * mkfs.erofs of Debian 12 knows directories only, so one is written beside the file and removed afterwards.
 * @throws PortableError InvalidArgs for a compression or cluster size that is none; NotSupported when mkfs.erofs is
 *   missing; what reading the tree or running it throws
 */
export async function writeErofs(tree: StagingTree, file: string, settings: WriteSettings): Promise<void> {
  const compression = compressionArguments(settings.compression ?? defaultCompression);
  const clusterSize = checkedClusterSize(settings.blockSize ?? defaultClusterSize);
  const owners = hasOwners(tree) ? [] : ['--all-root'];
  const fixed = [...owners, `-T${settings.time}`, `-U${uuidOf(settings.identity)}`];
  const cluster = compression.length === 0 ? [] : [`-C${clusterSize}`];
  const staging = `${file}.tree`;
  try {
    await writeDirectory(tree, staging, settings);
    await runTool(
      'mkfs.erofs',
      ['--quiet', ...fixed, ...compression, ...cluster, file, staging],
      toolOptions(settings, { doing: `write ${quoted(file)}`, file, package: 'erofs-utils' }),
    );
  } finally {
    await removeTree(staging);
  }
}

function compressionArguments(compression: string): string[] {
  if (compression === 'none') return [];
  if (/^[a-z0-9]+(,[a-z0-9=]+)*$/.test(compression)) return [`-z${compression}`];
  throw new PortableError('InvalidArgs', `${quoted(compression)} is no compression of erofs`, {
    hint: 'an algorithm, perhaps with a level, as mkfs.erofs -z takes it: "lz4hc,12"; or "none"',
  });
}

function checkedClusterSize(bytes: number): number {
  if (bytes % smallestCluster === 0 && bytes >= smallestCluster && bytes <= largestCluster) return bytes;
  throw new PortableError('InvalidArgs', `erofs cannot have clusters of ${bytes} bytes`, {
    hint: 'a multiple of 4K, up to 1M',
  });
}
