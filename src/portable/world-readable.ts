/**
 * Whether an image may be shown to anyone: systemd shows what root alone may read to whoever asks by name; ours only
 * what the world could read itself (spec "Where systemd goes wrong").
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { PortableError, errnoOf, fileError } from '../base/errors.ts';
import { onDisk, resolveInside } from '../base/logical-path.ts';
import { worldView } from '../disk/world-view.ts';
import type { Image } from '../images/image.ts';
import { findImage } from '../images/search.ts';
import type { PortableContext } from './context.ts';
import { readLayerFiles } from './layers.ts';
import type { ImageRef } from './requests.ts';

const othersMayRead = 0o4;
const othersMaySearch = 0o1;

/**
 * Whether permissions let everyone reach and read what an inspection of these images would show.
 * @throws PortableError NoSuchImage and other errors of finding images
 */
export async function isWorldReadable(context: PortableContext, ref: ImageRef): Promise<boolean> {
  for (const [i, each] of [ref.image, ...ref.extensions].entries()) {
    const image = await findImage(context, each, i === 0 ? 'image' : 'extension');
    if (!(await isReachable(context, image)) || !(await isReadable(context, image))) return false;
  }
  return true;
}

/**
 * Every directory on the way can be searched by everyone. The directories of images themselves are usually closed
 * (tmpfiles.d makes the pool 0700): what is put there is put there to be listed, so only its own mode counts.
 */
async function isReachable(context: PortableContext, image: Image): Promise<boolean> {
  const open = new Set(
    context.paths.imageSearchPath.map((directory) => resolveInside(context.root, directory)),
  );
  for (let at = path.dirname(image.path); !open.has(at); at = path.dirname(at)) {
    if (!(await grants(context.root, at, othersMaySearch))) return false;
    if (at === '/') break;
  }
  return true;
}

/** Of a disk image its own mode decides; of a directory the modes of everything that would be shown. */
async function isReadable(context: PortableContext, image: Image): Promise<boolean> {
  if (image.type === 'raw' || image.type === 'block') return grants(context.root, image.path, othersMayRead);
  try {
    await readLayerFiles(context, image, worldView);
    return true;
  } catch (error) {
    if (error instanceof PortableError && error.code === 'AccessDenied') return false;
    throw error;
  }
}

async function grants(root: string, at: string, bit: number): Promise<boolean> {
  try {
    return ((await stat(onDisk(root, at))).mode & bit) !== 0;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw fileError(error, 'look at', at);
  }
}
