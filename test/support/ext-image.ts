/** Making ext2/3/4 images with e2fsprogs; none of this needs root. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ExtImageOptions {
  /** As mke2fs(8) takes it: "8M". */
  readonly size: string;
  readonly type?: 'ext2' | 'ext3' | 'ext4';
  /** Bytes; default 4096. */
  readonly blockSize?: number;
  /** Bytes; default what mke2fs.conf says. */
  readonly inodeSize?: number;
  readonly inodes?: number;
  /** For -O: "^extent,inline_data". */
  readonly features?: string;
  /** For -E: "hash_seed=…". */
  readonly extended?: string;
  /** A directory to copy into it. */
  readonly from?: string;
  /** Anything else. */
  readonly more?: readonly string[];
  /** For switches that mke2fs has for its own tests only. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Times and identifiers that depend on when and where an image is made, fixed. */
export const fixedEnvironment = { E2FSPROGS_FAKE_TIME: '1700000000' };
export const fixedIds = {
  uuid: '5a1ec0de-0000-4000-8000-000000000001',
  hashSeed: '5a1ec0de-0000-4000-8000-000000000002',
};

/** Makes the file `image` with a file system in it. @throws what mke2fs said */
export async function makeExt(image: string, options: ExtImageOptions): Promise<void> {
  const { type = 'ext4', blockSize = 4096, extended } = options;
  const extras = [`hash_seed=${fixedIds.hashSeed}`, ...(extended === undefined ? [] : [extended])];
  const args = ['-q', '-F', '-t', type, '-b', String(blockSize), '-U', fixedIds.uuid, '-E', extras.join(',')];
  if (options.inodeSize !== undefined) args.push('-I', String(options.inodeSize));
  if (options.inodes !== undefined) args.push('-N', String(options.inodes));
  if (options.features !== undefined) args.push('-O', options.features);
  if (options.from !== undefined) args.push('-d', options.from);
  await run('mke2fs', [...args, ...(options.more ?? []), image, options.size], {
    env: { ...process.env, ...fixedEnvironment, ...options.environment },
  });
}

/** Runs debugfs(8) commands on an image, for writing; returns what they print. @throws when one of them complains */
export async function debugfs(image: string, commands: readonly string[]): Promise<string> {
  const script = `${image}.debugfs`;
  await writeFile(script, `${commands.join('\n')}\n`);
  const { stdout, stderr } = await run('debugfs', ['-w', '-f', script, image], {
    env: { ...process.env, ...fixedEnvironment, DEBUGFS_PAGER: 'cat' },
    maxBuffer: 256 * 1024 * 1024,
  });
  // the first line of stderr is the version
  const complaints = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('debugfs 1.'));
  if (complaints.length > 0) throw new Error(`debugfs: ${complaints.join('\n')}`);
  return stdout;
}

/** Runs e2fsck(8) without questions. @throws what it said, when it leaves errors */
export async function fsck(image: string, ...options: readonly string[]): Promise<void> {
  try {
    await run('e2fsck', ['-f', '-y', ...options, image], {
      // later than any mount, since tune2fs and resize2fs want it freshly checked
      env: { ...process.env, E2FSCK_TIME: '4000000000' },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    // 1: errors were corrected, which includes optimized directories
    if (!(error instanceof Error && 'code' in error && error.code === 1)) throw error;
  }
}
