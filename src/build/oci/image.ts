/**
 * A container image of this machine, unpacked into the tree of an image that is being built: an OCI image layout
 * (directory, or tar archive of one), or an archive as `docker save` writes it. Nothing is fetched from anywhere.
 */
import { realpath } from 'node:fs/promises';
import { fileError, PortableError, quoted } from '../../base/errors.ts';
import { hostArchitecture } from '../../base/architecture.ts';
import { openFileSource } from '../../disk/file-source.ts';
import type { BlockSource } from '../../disk/source.ts';
import type { StagingTree } from '../tree.ts';
import { applyLayer, startCounting } from './apply.ts';
import type { ContainerConfig } from './config.ts';
import { compressionOf, magicBytes } from './decompress.ts';
import { filesOfArchive, filesOfDirectory, isDirectory } from './files.ts';
import type { LayoutFiles } from './files.ts';
import { LayerTree } from './layer-tree.ts';
import { defaultUnpackLimits } from './limits.ts';
import type { UnpackLimits } from './limits.ts';
import { readManifest } from './manifest.ts';
import type { ImageManifest } from './manifest.ts';
import { parsePlatform, platformOf } from './platform.ts';
import { unpackLayer } from './unpack.ts';

export interface ContainerOptions {
  /** "linux/arm64"; the machine's own by default. */
  readonly platform?: string | undefined;
  /** The name that it was saved by, where there are several. */
  readonly reference?: string | undefined;
  /** A directory for what layers expand to, ours alone; in use until the image is closed. */
  readonly scratch: string;
  readonly limits?: UnpackLimits | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ContainerImage {
  readonly config: ContainerConfig;
  /** The files in the tree can be read until then. */
  close(): Promise<void>;
}

/**
 * Unpacks the image into `tree`, which is empty.
 * @param file the layout's directory, or the archive
 * @throws PortableError InvalidArgs for whatever is wrong with it, naming layer and entry; LimitsExceeded; FileNotFound;
 *   file-system errors of the scratch directory
 */
export async function unpackContainer(
  file: string,
  tree: StagingTree,
  options: ContainerOptions,
): Promise<ContainerImage> {
  const platform =
    options.platform === undefined ? platformOf(hostArchitecture) : parsePlatform(options.platform);
  const files = await openFiles(file);
  const layers: BlockSource[] = [];
  const close = async (): Promise<void> => {
    for (const layer of layers) await layer.close();
    await files.close();
  };
  try {
    const manifest = await readManifest(files, { platform, reference: options.reference });
    await applyLayers(files, manifest, tree, options, layers);
    return { config: manifest.config, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openFiles(file: string): Promise<LayoutFiles> {
  const place = await realpath(file).catch((error: unknown) => {
    throw fileError(error, 'open', file);
  });
  if (await isDirectory(place)) return filesOfDirectory(file);
  const archive = await openFileSource(place);
  try {
    const start = await archive.read(0n, Math.min(magicBytes, Number(archive.size)));
    const compression = compressionOf(start, 'the archive', file);
    if (compression !== 'none') {
      throw new PortableError('NotSupported', `${quoted(file)} is compressed with ${compression}`, {
        file,
        hint: `decompress it first: ${compression === 'gzip' ? 'gunzip' : 'unzstd'} --keep`,
      });
    }
    return await filesOfArchive(archive);
  } catch (error) {
    await archive.close();
    throw error;
  }
}

/** @param opened gets the layers, which stay open */
async function applyLayers(
  files: LayoutFiles,
  { layers }: ImageManifest,
  tree: StagingTree,
  { scratch, limits = defaultUnpackLimits, signal }: ContainerOptions,
  opened: BlockSource[],
): Promise<void> {
  const layered = new LayerTree(tree);
  const left = startCounting(limits);
  for (const [i, layer] of layers.entries()) {
    const archive = await unpackLayer(files, layer, i + 1, { scratch, limits, left: left.bytes, signal });
    opened.push(archive);
    left.bytes -= Number(archive.size);
    await applyLayer(layered, archive, left, signal);
  }
}
