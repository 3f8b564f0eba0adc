/** Opening an image of any kind as one file tree, read in user space. */
import { hostArchitecture } from '../base/architecture.ts';
import { certificateDirectories } from '../base/host-paths.ts';
import { type BootPartition, bootPartitions } from './boot-partitions.ts';
import type { Budget } from './budget.ts';
import { openDirectory } from './directory/index.ts';
import { type Dissection, type Volume, dissect } from './dissect.ts';
import { openFileSource } from './file-source.ts';
import type { ReadXattrs } from './host-xattrs.ts';
import { type ImagePolicy, type Protection, pinningPolicy } from './image-policy.ts';
import { type Mount, missingMountPoints, mountedTree } from './mounted-tree.ts';
import { type Designator, designators } from './partition/discoverable.ts';
import type { SelectedPartition, SelectOptions } from './partition/select.ts';
import { protect } from './protect.ts';
import { isReadOnlyFileSystem, openFileSystem, refuseEncrypted } from './readers.ts';
import type { BlockSource } from './source.ts';
import type { FileTree } from './tree.ts';
import type { CertificateStore } from './verity/certificates.ts';
import type { GuardedVolume, VerityState } from './verity/guard.ts';
import { type VeritySettings, noSettings, readVeritySettings } from './verity/settings.ts';

/** Where an image is. */
export interface ImageLocation {
  /** Absolute path on the host; the last component is not followed when it is a symlink. */
  readonly path: string;
  readonly type: 'directory' | 'subvolume' | 'raw' | 'block';
}

/** A part of a raw image, as systemd-dissect(1) shows it. */
export interface ImagePart {
  readonly designator: Designator;
  /** blkid's name; undefined when nothing is recognised. */
  readonly fileSystem: string | undefined;
  readonly protection: Protection;
  /** How its bytes are checked; undefined when they are not. */
  readonly verity: VerityState | undefined;
  /** It is mounted read-only: its flag says so, or it cannot be anything else. */
  readonly readOnly: boolean;
  readonly growFileSystem: boolean;
  /** Bytes. */
  readonly size: bigint;
  /** Undefined when the image is one file system. */
  readonly partition: SelectedPartition | undefined;
}

/** The partition table of a raw image. */
export interface ImageTable {
  readonly kind: 'gpt' | 'mbr';
  /** Bytes. */
  readonly sectorSize: number;
  /** The disk's UUID, of a GPT. */
  readonly uuid: string | undefined;
}

/** An image that is being read. */
export interface OpenedImage {
  readonly tree: FileTree;
  /** What pins the image as it is; undefined for directories. */
  readonly policy: ImagePolicy | undefined;
  /** Undefined for directories, and images that are one file system. */
  readonly table: ImageTable | undefined;
  /** In the order of image policies; none for directories. */
  readonly parts: readonly ImagePart[];
  /** Bytes of a raw image; undefined for directories. */
  readonly size: bigint | undefined;
  /** Bytes of a raw image read so far; 0 for directories. */
  readonly bytesRead: number;
  /**
   * Where partitions are to be mounted that the root's own file system has no directory for: "/home".
   * @throws PortableError what the reader throws
   */
  missingMountPoints(): Promise<readonly string[]>;
  /** The partitions of boot loaders that the service manager mounts. @throws PortableError what the reader throws */
  bootPartitions(): Promise<readonly BootPartition[]>;
  close(): Promise<void>;
}

/** What opening an image depends on, besides the image. */
export interface OpenOptions {
  /** The host's architecture, as systemd names it. */
  readonly architecture?: string;
  /** Whose signatures of root hashes count; those whom the running system trusts by default. */
  readonly certificates?: CertificateStore;
  /** For who opens images again and again: reads extended attributes of the host's files (host-xattrs.ts). */
  readonly readXattrs?: ReadXattrs | undefined;
}

const runningSystem: CertificateStore = { root: '/', directories: certificateDirectories };

/**
 * Where the partitions of an image are mounted, below its root: file-hierarchy(7). Those of boot loaders are left out
 * (boot-partitions.ts): only programs that boot the image look for something there.
 */
export const mountPoints: Readonly<Partial<Record<Designator, readonly string[]>>> = {
  root: [],
  usr: ['usr'],
  home: ['home'],
  srv: ['srv'],
  var: ['var'],
  tmp: ['var', 'tmp'],
};

/**
 * Opens an image; the caller closes it.
 *
 * @throws PortableError FileNotFound and the like as open(2), InvalidArgs when it is no image (see dissect),
 *   NotSupported when it is encrypted or holds a file system that has no reader; what verity (see protect) and the
 *   reader throw
 */
export async function openImage(
  image: ImageLocation,
  budget: Budget,
  options: OpenOptions = {},
): Promise<OpenedImage> {
  if (image.type === 'raw' || image.type === 'block') return openRaw(image.path, budget, options);
  const tree = await openDirectory(image.path, budget, { readXattrs: options.readXattrs });
  return {
    tree,
    policy: undefined,
    table: undefined,
    parts: [],
    size: undefined,
    bytesRead: 0,
    missingMountPoints: () => Promise.resolve([]),
    bootPartitions: () => Promise.resolve([]),
    close: () => tree.close(),
  };
}

async function openRaw(path: string, budget: Budget, options: OpenOptions): Promise<OpenedImage> {
  const source = await openFileSource(path, options.readXattrs);
  try {
    return await openSource(source, budget, options, await readVeritySettings(path, source));
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Opens the image whose bytes are in `source`. Closing the image closes the source as well.
 *
 * @param settings verity data that is kept outside of it
 * @throws PortableError as openImage; the source then stays open
 */
export async function openSource(
  source: BlockSource,
  budget: Budget,
  options: OpenOptions,
  settings: VeritySettings = noSettings,
): Promise<OpenedImage> {
  const { architecture = hostArchitecture, certificates = runningSystem } = options;
  const dissection = await dissect(source, { architecture, ...givenHash(settings) });
  const sources = [source];
  const keep = (another: BlockSource): void => void sources.push(another);
  const parts: ImagePart[] = [];
  const mounts: Mount[] = [];
  let root: FileTree | undefined;
  try {
    for (const volume of inOrder(dissection)) {
      await refuseEncrypted(volume.source, volume.superblock);
      const readable = await protect(dissection, volume, { settings, certificates, keep });
      const open = (): Promise<FileTree> => openFileSystem(readable.source, readable.superblock, budget);
      const at = mountPoints[volume.designator];
      if (volume.designator === 'root') root = await open();
      else if (at !== undefined) mounts.push({ at, open });
      parts.push(describe(volume, readable));
    }
  } catch (error) {
    // that of a file system which the kernel reads is a process with a mount
    await root?.close();
    for (const another of sources.slice(1)) await another.close();
    throw error;
  }
  const tree = mounts.length === 0 && root !== undefined ? root : mountedTree(root, mounts, source.name);
  return {
    tree,
    policy: pinningPolicy(parts.map((part) => ({ ...part, flags: part.partition?.flags }))),
    table: describeTable(dissection),
    parts,
    size: source.size,
    get bytesRead() {
      return sources.reduce((sum, each) => sum + each.bytesRead, 0);
    },
    missingMountPoints: () => missingMountPoints(root, mounts, budget),
    bootPartitions: () => bootPartitions(root, [...dissection.volumes.values()], budget),
    async close() {
      await tree.close();
      for (const each of sources) await each.close();
    },
  };
}

/** What the choice of partitions needs to know: they are named after their root hash. */
function givenHash({ hash }: VeritySettings): Pick<SelectOptions, 'rootHash' | 'usrHash'> {
  if (hash === undefined) return {};
  return hash.designator === 'root' ? { rootHash: hash.hash } : { usrHash: hash.hash };
}

function inOrder({ volumes }: Dissection): Volume[] {
  return designators.flatMap((designator) => volumes.get(designator) ?? []);
}

function describe({ designator, partition, source }: Volume, readable: GuardedVolume): ImagePart {
  const { superblock, protection, verity } = readable;
  const fileSystem = superblock?.type;
  const readOnly =
    isReadOnlyFileSystem(fileSystem) || designator.includes('-verity') || partition?.flags.readOnly === true;
  return {
    designator,
    fileSystem,
    protection,
    verity,
    readOnly,
    growFileSystem: !readOnly && partition?.flags.growFileSystem === true,
    size: source.size,
    partition,
  };
}

function describeTable({ table }: Dissection): ImageTable | undefined {
  if (table === undefined) return undefined;
  const { kind, sectorSize } = table;
  return { kind, sectorSize, uuid: table.kind === 'gpt' ? table.uuid : undefined };
}
