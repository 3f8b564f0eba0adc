/** Hash trees, made by veritysetup(8). */
import { createHash } from 'node:crypto';
import { chmod, stat } from 'node:fs/promises';
import { PortableError, fileError, quoted } from '../../base/errors.ts';
import { runTool } from '../../base/tool.ts';
import { uuidOf } from '../uuid.ts';
import { toolOptions } from '../write/settings.ts';
import type { WriteSettings } from '../write/settings.ts';

/** As the kernel hashes, and every file system that we write is a multiple of; bytes. */
export const verityBlockBytes = 4096;

export type IntegritySettings = Pick<WriteSettings, 'identity' | 'searchPath' | 'signal'>;

/**
 * Writes the hash tree of `data` into the new file `tree`, superblock first. Salt and UUID are derived from the image's
 * name and version, so that the same image gives the same hash.
 * @returns the root hash: 64 hexadecimal digits
 * @throws PortableError NotSupported when veritysetup is missing; what running it throws
 */
export async function writeHashTree(
  data: string,
  tree: string,
  { identity, ...settings }: IntegritySettings,
): Promise<string> {
  const salt = createHash('sha256').update(`verity salt of ${identity}`).digest('hex');
  const blocks = [`--data-block-size=${verityBlockBytes}`, `--hash-block-size=${verityBlockBytes}`];
  const fixed = ['--hash=sha256', `--salt=${salt}`, `--uuid=${uuidOf(`verity of ${identity}`)}`];
  const doing = `write the hash tree of ${quoted(identity)}`;
  const said = await runTool(
    'veritysetup',
    ['format', ...blocks, ...fixed, data, tree],
    toolOptions(settings, { doing, file: data, package: 'cryptsetup-bin' }),
  );
  const hash = /^Root hash:\s*([0-9a-f]{64})$/m.exec(said)?.[1];
  if (hash === undefined)
    throw new PortableError('Failed', `cannot ${doing}: veritysetup told no root hash`, { file: data });
  await sameMode(data, tree);
  return hash;
}

/** veritysetup lets nobody else read what it makes, which is no secret. */
async function sameMode(from: string, to: string): Promise<void> {
  try {
    await chmod(to, (await stat(from)).mode & 0o666);
  } catch (error) {
    throw fileError(error, 'write', to);
  }
}
