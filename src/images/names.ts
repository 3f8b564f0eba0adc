/** Image names and the forms an image can be asked for by (spec "Images", section Names; portablectl(1)). */
import { PortableError, quoted } from '../base/errors.ts';

/** What a caller means by an image argument. */
export type ImageArgument =
  { readonly kind: 'name'; readonly name: string } | { readonly kind: 'path'; readonly path: string };

/**
 * Whether `name` may name an image: a file name of 1–255 bytes without control characters, not hidden by the
 * ".#" convention of temporary files.
 */
export function isImageName(name: string): boolean {
  return (
    name.length > 0 &&
    Buffer.byteLength(name) <= nameMax &&
    name !== '.' &&
    name !== '..' &&
    !name.startsWith('.#') &&
    !/[/\u0000-\u001f\u007f-\u009f]/.test(name) &&
    name.isWellFormed()
  );
}

/** The image name of a file name: without ".raw". */
export function imageNameOf(fileName: string): string {
  return fileName.endsWith('.raw') ? fileName.slice(0, -'.raw'.length) : fileName;
}

/** What images of different versions have in common: the name up to the first "_" or "+". */
export function imagePrefix(name: string): string {
  const cut = name.search(/[_+]/);
  return cut < 0 ? name : name.slice(0, cut);
}

/**
 * Reads an image or extension argument: a name, or an absolute normalized path.
 * @param what the argument's name, for the message
 * @throws PortableError InvalidArgs
 */
export function parseImageArgument(text: string, what = 'image'): ImageArgument {
  if (text.startsWith('/')) {
    checkNormalized(text, what);
    return { kind: 'path', path: text };
  }
  if (text.includes('/')) {
    throw new PortableError('InvalidArgs', `the ${what} ${quoted(text)} is a relative path`, {
      file: text,
      hint: 'give an absolute path, or a plain name to look up in the image directories',
    });
  }
  return { kind: 'name', name: checkImageName(text, what) };
}

/**
 * `name` itself, if it is one.
 * @throws PortableError InvalidArgs
 */
export function checkImageName(name: string, what = 'image'): string {
  if (!isImageName(name)) {
    throw new PortableError('InvalidArgs', `${quoted(name)} is not a valid ${what} name`, {
      file: name,
      hint: 'a name is a file name: 1 to 255 bytes, no "/" and no control characters, not starting with ".#"',
    });
  }
  return name;
}

function checkNormalized(path: string, what: string): void {
  if (!isNormalized(path)) {
    throw new PortableError('InvalidArgs', `the ${what} path ${quoted(path)} is not normalized`, {
      file: path,
      hint: 'write it without "..", "." and double slashes, each part at most 255 bytes long',
    });
  }
}

/** One trailing slash is what shells complete to, and harmless. */
function isNormalized(path: string): boolean {
  if (!/^(?:\/(?!\.\.?(?:\/|$))[^/\0]+)+\/?$/.test(path) || !path.isWellFormed()) return false;
  // a unit of UTF-16 is at most three bytes: short paths have no long parts
  if (path.length * 3 <= nameMax) return true;
  return (
    Buffer.byteLength(path) <= maxPath && path.split('/').every((part) => Buffer.byteLength(part) <= nameMax)
  );
}

/** NAME_MAX, in bytes. */
export const nameMax = 255;
/** PATH_MAX without the byte at the end. */
const maxPath = 4095;
