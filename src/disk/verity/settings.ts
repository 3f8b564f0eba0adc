/**
 * Verity data that is kept outside of an image: files beside NAME.raw and extended attributes of it, as the service
 * manager looks for them (systemd.exec(5), RootHash=, RootHashSignature= and RootVerity=). The signature of a hash is
 * never an attribute: no version of systemd reads one.
 */
import { existsSync, realpathSync } from 'node:fs';
import { PortableError, fileError, quoted } from '../../base/errors.ts';
import { type FileSource, openFileSource } from '../file-source.ts';
import { hasPartitionFor } from '../partition/index.ts';
import { corruptVerity } from './errors.ts';

/** What is known of an image from outside of it. */
export interface VeritySettings {
  readonly hash: GivenHash | undefined;
  /** The file with the hash tree, on disk. */
  readonly tree: string | undefined;
}

/** A root hash that somebody vouches for. */
export interface GivenHash {
  /** What it is the hash of. */
  readonly designator: 'root' | 'usr';
  readonly hash: Buffer;
  /** Where it is from, for error messages. */
  readonly from: string;
  readonly signature: GivenSignature | undefined;
}

/** A PKCS#7 signature of a root hash. */
export interface GivenSignature {
  readonly bytes: Buffer;
  /** Where it is from, for error messages. */
  readonly from: string;
}

export const noSettings: VeritySettings = { hash: undefined, tree: undefined };

/** Of a file with a hash, bytes; it has one line. */
const maxHashBytes = 4096;
/** Of a signature, bytes; those of RSA have less than 1 KiB, and as much for each certificate that comes along. */
export const maxSignatureBytes = 64 * 1024;

/** Digests: the shortest that the service manager takes, and the longest there are, bytes. */
const minHash = 16;
const maxHash = 64;

/**
 * The settings of a raw image. Attributes cost a process, so they are looked at only where there is a hash tree that
 * they could be about.
 *
 * @param path of the image, on disk, resolved: its neighbours count, not those of a link to it
 * @param image the same, opened; nothing is beside a block device
 * @throws PortableError InvalidArgs naming the file or attribute that is no hash, or an empty or huge signature
 */
export async function readVeritySettings(path: string, image: FileSource): Promise<VeritySettings> {
  if (image.kind === 'block') return noSettings;
  const base = path.replace(/\.raw$/, '');
  const tree = existsSync(`${base}.verity`) ? `${base}.verity` : undefined;
  const hasTree = tree !== undefined || (await hasPartitionFor(image, ['root-verity', 'usr-verity']));
  const attributes = hasTree ? await image.xattrs() : noAttributes;
  for (const designator of ['root', 'usr'] as const) {
    const found = await readHash(path, `${base}.${designator}hash`, designator, attributes);
    if (found !== undefined) return { hash: found, tree };
  }
  return { hash: undefined, tree };
}

const noAttributes: ReadonlyMap<string, Buffer> = new Map();

/** The hash of one designator: from the attribute, else from the file. */
async function readHash(
  image: string,
  file: string,
  designator: 'root' | 'usr',
  attributes: ReadonlyMap<string, Buffer>,
): Promise<GivenHash | undefined> {
  const attribute = `user.verity.${designator}hash`;
  const value = attributes.get(attribute);
  const text = value ?? (await readSideCar(file, maxHashBytes));
  if (text === undefined) return undefined;
  const [owner, from] =
    value === undefined ? [file, quoted(file)] : [image, `its attribute ${quoted(attribute)}`];
  const hash = parseRootHash(text.toString('latin1').split('\n')[0] ?? '');
  if (hash === undefined) {
    const expected = `a root hash of ${minHash} to ${maxHash} bytes in hexadecimal`;
    throw corruptVerity(owner, value === undefined ? `it is not ${expected}` : `${from} is not ${expected}`);
  }
  return { designator, hash, from, signature: await readSignature(`${file}.p7s`) };
}

/** A root hash as text; undefined when it is none. */
export function parseRootHash(text: string): Buffer | undefined {
  const digits = text.replace(/[ \t\r\n]/g, '');
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) return undefined;
  const hash = Buffer.from(digits, 'hex');
  return hash.length < minHash || hash.length > maxHash ? undefined : hash;
}

async function readSignature(file: string): Promise<GivenSignature | undefined> {
  const bytes = await readSideCar(file, maxSignatureBytes);
  if (bytes === undefined) return undefined;
  if (bytes.length === 0) throw corruptVerity(file, 'it is empty, and should be a signature');
  return { bytes, from: quoted(file) };
}

/** A file beside an image, whole; undefined when there is none. */
async function readSideCar(file: string, maxBytes: number): Promise<Buffer | undefined> {
  if (!existsSync(file)) return undefined;
  const source = await openSideCar(file);
  try {
    if (source.size > BigInt(maxBytes)) {
      throw corruptVerity(file, `it has ${source.size} bytes, and ${maxBytes} are the most that make sense`);
    }
    return await source.read(0n, Number(source.size));
  } finally {
    await source.close();
  }
}

/**
 * Opens a file beside an image, which may be a link.
 * @throws PortableError as openFileSource; InvalidArgs for anything but a regular file
 */
export async function openSideCar(file: string): Promise<FileSource> {
  const source = await openFileSource(realPath(file));
  if (source.kind === 'file') return source;
  await source.close();
  throw new PortableError('InvalidArgs', `${quoted(file)} is a block device, not a regular file`, { file });
}

function realPath(file: string): string {
  try {
    return realpathSync.native(file);
  } catch (error) {
    throw fileError(error, 'resolve', file);
  }
}
