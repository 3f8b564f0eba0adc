/** What kind of image a path leads to. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';

import { errnoOf, fileError, PortableError, quoted } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { ImageLocation } from '../disk/open.ts';

/**
 * The image at `file`, links followed.
 * @throws PortableError FileNotFound with the nearest name there is, InvalidArgs for what cannot be an image
 */
export function locate(file: string): ImageLocation {
  try {
    const real = realpathSync(file);
    const stat = statSync(real);
    if (stat.isDirectory()) return { path: real, type: 'directory' };
    if (stat.isFile()) return { path: real, type: 'raw' };
    if (stat.isBlockDevice()) return { path: real, type: 'block' };
  } catch (error) {
    throw fileError(error, 'open', file, errnoOf(error) === 'ENOENT' ? similar(file) : undefined);
  }
  throw new PortableError('InvalidArgs', `${quoted(file)} is no raw image, block device or directory`, {
    file,
  });
}

/** A hint for a name that is not there. */
function similar(file: string): string | undefined {
  try {
    const near = nearest(path.basename(file), readdirSync(path.dirname(file)));
    return near === undefined ? undefined : `did you mean '${path.join(path.dirname(file), near)}'?`;
  } catch {
    return undefined; // it is only a hint
  }
}
