/** The system that an extension is meant for, as an image or a directory of this machine. */
import { realpath, stat } from 'node:fs/promises';
import { fileError, PortableError, quoted } from '../../base/errors.ts';
import { Budget } from '../../disk/budget.ts';
import { openImage } from '../../disk/open.ts';
import { parseOsRelease } from '../../portable/os-release.ts';
import { readOsReleaseFile } from '../../portable/os-release-file.ts';
import type { ExtensionBase } from './release.ts';

/**
 * Reads the os-release of an image (raw or a directory).
 * @throws PortableError FileNotFound and the like; InvalidArgs when it is no image, or has no os-release
 */
export async function readBase(path: string): Promise<ExtensionBase> {
  const budget = new Budget(path);
  const image = await openImage(await locate(path), budget);
  try {
    const content = (await readOsReleaseFile(image.tree, budget))?.content;
    if (content !== undefined) return { path, osRelease: parseOsRelease(content) };
  } finally {
    await image.close();
  }
  throw new PortableError('InvalidArgs', `${quoted(path)} has no os-release`, {
    file: path,
    hint: 'the base of an extension is an image with a whole system',
  });
}

async function locate(path: string): Promise<{ path: string; type: 'directory' | 'raw' }> {
  try {
    const real = await realpath(path);
    return { path: real, type: (await stat(real)).isDirectory() ? 'directory' : 'raw' };
  } catch (error) {
    throw fileError(error, 'open', path);
  }
}
