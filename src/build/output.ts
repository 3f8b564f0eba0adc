/** Making files appear all at once, and only when all went well. */
import { link, lstat, mkdtemp, open, rename, unlink } from 'node:fs/promises';
import path from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { removeTree } from '../base/remove-tree.ts';

export interface OutputSettings {
  /** Where the files go. */
  readonly directory: string;
  /** Replace what is there. */
  readonly force: boolean;
}

/**
 * Runs `work` with a new hidden directory beside the outputs, then moves the files it names out of there, and removes
 * the directory. When anything fails, nothing has appeared.
 * @param names what is going to be written, as far as known: refused right away when it is there
 * @param work returns the names, below its directory, of what it made, and anything else it has to say
 * @returns what it said, and the paths of the files
 * @throws PortableError FileExists; file-system errors; what `work` throws
 */
export async function produce<T extends { readonly made: readonly string[] }>(
  settings: OutputSettings,
  names: readonly string[],
  work: (directory: string) => Promise<T>,
): Promise<{ readonly result: T; readonly outputs: readonly string[] }> {
  if (!settings.force) await refuseExisting(settings.directory, names);
  const scratch = await makeScratch(settings.directory);
  try {
    const result = await work(scratch);
    const { made } = result;
    for (const name of made) await flush(path.join(scratch, name));
    if (!settings.force) await refuseExisting(settings.directory, made);
    const outputs = await publish(scratch, settings, made);
    await removeTree(scratch);
    return { result, outputs };
  } catch (error) {
    // why it failed says more than what is left
    await removeTree(scratch).catch(() => undefined);
    throw error;
  }
}

async function makeScratch(directory: string): Promise<string> {
  try {
    return await mkdtemp(path.join(directory, '.portable-build-'));
  } catch (error) {
    throw fileError(error, 'write into', directory);
  }
}

async function refuseExisting(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const file = path.join(directory, name);
    if ((await kindOf(file)) !== undefined) {
      throw new PortableError('FileExists', `${quoted(file)} exists`, { file, hint: '--force replaces it' });
    }
  }
}

/** Moves everything out; what cannot all be moved is all taken back, but for what has replaced something. */
async function publish(
  scratch: string,
  { directory, force }: OutputSettings,
  names: readonly string[],
): Promise<readonly string[]> {
  const published: string[] = [];
  try {
    for (const name of names) {
      const target = path.join(directory, name);
      const made = path.join(scratch, name);
      await (force ? replace(made, target, path.join(scratch, `old-${name}`)) : appear(made, target));
      published.push(target);
    }
  } catch (error) {
    if (!force) for (const target of published) await removeTree(target);
    throw error;
  }
  await flush(directory);
  return published;
}

/** In one step where both are files; a directory in the way is set aside first, since rename(2) replaces none. */
async function replace(made: string, target: string, old: string): Promise<void> {
  const [before, now] = [await kindOf(target), await kindOf(made)];
  const aside = before !== undefined && (before === 'directory' || now === 'directory');
  try {
    if (aside) await rename(target, old);
    await rename(made, target);
  } catch (error) {
    if (aside && (await kindOf(target)) === undefined) await rename(old, target);
    throw fileError(error, 'write', target);
  }
}

/** Never over something that has appeared meanwhile: link(2) refuses where rename(2) would replace. */
async function appear(made: string, target: string): Promise<void> {
  try {
    if ((await kindOf(made)) === 'directory') {
      await rename(made, target);
      return;
    }
    await link(made, target);
    await unlink(made);
  } catch (error) {
    // a file system without hard links
    if (errnoOf(error) === 'EPERM' || errnoOf(error) === 'EOPNOTSUPP') return rename(made, target);
    throw fileError(error, 'write', target);
  }
}

async function kindOf(file: string): Promise<'directory' | 'other' | undefined> {
  try {
    return (await lstat(file)).isDirectory() ? 'directory' : 'other';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fileError(error, 'look at', file);
  }
}

async function flush(file: string): Promise<void> {
  try {
    const handle = await open(file);
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    throw fileError(error, 'write', file);
  }
}
