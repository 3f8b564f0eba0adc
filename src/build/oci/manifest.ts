/**
 * Which config and layers a container image is made of: OCI Image Layout (image-layout.md, image-index.md, manifest.md),
 * or the manifest.json that `docker save` writes (Docker Image Specification v1.2).
 */
import { PortableError, quoted } from '../../base/errors.ts';
import { parseConfig } from './config.ts';
import type { ContainerConfig } from './config.ts';
import { formatDigest, parseDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { elements, field, names, optionalText, readDocument, size, text } from './documents.ts';
import type { JsonValue } from './documents.ts';
import type { LayoutFiles } from './files.ts';
import { fits, formatPlatform } from './platform.ts';
import type { Platform } from './platform.ts';

/** A layer as stored. */
export interface LayerFile {
  /** Its path among the files. */
  readonly file: string;
  /** Of the file; undefined where the manifest has none. */
  readonly digest: Digest | undefined;
  /** Bytes of the file; undefined where the manifest does not say. */
  readonly size: number | undefined;
  /** Of what is in it, uncompressed. */
  readonly diffId: Digest;
}

export interface ImageManifest {
  readonly config: ContainerConfig;
  /** The lowest first. */
  readonly layers: readonly LayerFile[];
}

/** Which of several images is meant. */
export interface Choice {
  readonly platform: Platform;
  /** The name that it was saved by ("redis:7", "latest"); needed only where there are several. */
  readonly reference?: string | undefined;
}

/** Indexes may lead to indexes; nobody nests them deeper. */
const maxDepth = 4;

/** More than any tool stacks up (overlayfs takes 500). */
const maxLayers = 1000;

/** Looked at in all indexes together. */
const maxManifests = 10_000;

/**
 * @throws PortableError InvalidArgs when nothing or several things fit the choice, naming what there is, or when
 *   something is missing or malformed
 */
export async function readManifest(files: LayoutFiles, choice: Choice): Promise<ImageManifest> {
  const index = await readDocument(files, 'index.json');
  const manifest =
    index === undefined ? await readDockerManifest(files, choice) : await readIndex(files, index, choice);
  const { config, layers } = manifest;
  if (!fits(config.platform, choice.platform)) throw wrongPlatform(files, choice, [config.platform]);
  if (layers.length > maxLayers) {
    throw new PortableError('LimitsExceeded', `${quoted(files.name)} has ${layers.length} layers`, {
      file: files.name,
      hint: `there may be ${maxLayers}`,
    });
  }
  return manifest;
}

/** A manifest that an index names. */
interface Candidate {
  readonly digest: Digest;
  readonly platform: Platform | undefined;
  readonly names: readonly string[];
}

async function readIndex(files: LayoutFiles, index: JsonValue, choice: Choice): Promise<ImageManifest> {
  const candidates = await candidatesOf(files, index, [], 0, { left: maxManifests });
  const named = chooseNamed(files, candidates, choice);
  const fitting = named.filter(({ platform }) => platform === undefined || fits(platform, choice.platform));
  const [first] = fitting;
  if (first === undefined) {
    throw wrongPlatform(
      files,
      choice,
      named.flatMap(({ platform }) => platform ?? []),
    );
  }
  const digests = new Set(fitting.map(({ digest }) => formatDigest(digest)));
  if (digests.size > 1) {
    const variants = fitting.map(({ platform, digest }) =>
      platform ? formatPlatform(platform) : formatDigest(digest),
    );
    throw ambiguous(files, variants, 'say which platform with --platform, variant included');
  }
  return await readOciManifest(files, first.digest);
}

/** All manifests of images that an index leads to, with the names on the way. */
async function candidatesOf(
  files: LayoutFiles,
  index: JsonValue,
  outerNames: readonly string[],
  depth: number,
  manifests: { left: number },
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const descriptor of elements(field(index, 'manifests'))) {
    if (manifests.left-- <= 0 || depth > maxDepth) {
      throw new PortableError(
        'LimitsExceeded',
        `the indexes of ${quoted(files.name)} name too many manifests`,
        {
          file: files.name,
        },
      );
    }
    const digest = parseDigest(text(field(descriptor, 'digest')), files.name);
    const annotations = field(descriptor, 'annotations');
    // signatures and build records lie beside images
    if (names(annotations).includes('vnd.docker.reference.type')) continue;
    const own = referenceNames(annotations);
    const mediaType = optionalText(field(descriptor, 'mediaType')) ?? '';
    if (/index|manifest\.list/.test(mediaType)) {
      const inner = await readBlobDocument(files, digest);
      found.push(...(await candidatesOf(files, inner, [...outerNames, ...own], depth + 1, manifests)));
    } else {
      found.push({
        digest,
        platform: platformOf(field(descriptor, 'platform')),
        names: [...outerNames, ...own],
      });
    }
  }
  return found;
}

function referenceNames(annotations: JsonValue): string[] {
  return ['org.opencontainers.image.ref.name', 'io.containerd.image.name'].flatMap((key) =>
    names(annotations).includes(key) ? text(field(annotations, key)) : [],
  );
}

function platformOf(json: JsonValue): Platform | undefined {
  if (json.value === undefined) return undefined;
  return {
    os: text(field(json, 'os')),
    architecture: text(field(json, 'architecture')),
    variant: optionalText(field(json, 'variant')),
  };
}

async function readOciManifest(files: LayoutFiles, digest: Digest): Promise<ImageManifest> {
  const manifest = await readBlobDocument(files, digest);
  const configDigest = parseDigest(text(field(field(manifest, 'config'), 'digest')), files.name);
  const config = parseConfig(await readBlobDocument(files, configDigest));
  const blobs = elements(field(manifest, 'layers')).map((layer) => {
    const layerDigest = parseDigest(text(field(layer, 'digest')), files.name);
    return { file: blobPath(layerDigest), digest: layerDigest, size: size(field(layer, 'size')) };
  });
  return { config, layers: withDiffIds(files, blobs, config) };
}

async function readBlobDocument(files: LayoutFiles, digest: Digest): Promise<JsonValue> {
  const document = await readDocument(files, blobPath(digest), digest);
  if (document === undefined) throw missing(files, blobPath(digest));
  return document;
}

function blobPath({ algorithm, hex }: Digest): string {
  return `blobs/${algorithm}/${hex}`;
}

async function readDockerManifest(files: LayoutFiles, choice: Choice): Promise<ImageManifest> {
  const json = await readDocument(files, 'manifest.json');
  if (json === undefined) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(files.name)} is no container image: it has neither index.json nor manifest.json`,
      { file: files.name, hint: 'an OCI image layout, or what "docker save" writes' },
    );
  }
  const images = elements(json).map((image) => ({
    image,
    names: elements(field(image, 'RepoTags')).map(text),
  }));
  const [chosen, other] = chooseNamed(files, images, choice);
  if (chosen === undefined || other !== undefined) {
    throw ambiguous(
      files,
      images.flatMap((image) => image.names),
      'say which one with --reference',
    );
  }
  const file = text(field(chosen.image, 'Config'));
  const config = await readDocument(files, file, digestInName(file));
  if (config === undefined) throw missing(files, file);
  const parsed = parseConfig(config);
  const layers = elements(field(chosen.image, 'Layers')).map((layer) => {
    return { file: text(layer), digest: undefined, size: undefined };
  });
  return { config: parsed, layers: withDiffIds(files, layers, parsed) };
}

/** Docker names a config after its digest. */
function digestInName(file: string): Digest | undefined {
  const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(file)?.[1];
  return hex === undefined ? undefined : { algorithm: 'sha256', hex };
}

/** Those of the name asked for; all of them where none was and all are the same image. */
function chooseNamed<T extends { readonly names: readonly string[] }>(
  files: LayoutFiles,
  candidates: readonly T[],
  { reference }: Choice,
): readonly T[] {
  const all = [...new Set(candidates.flatMap((candidate) => candidate.names))];
  if (reference === undefined) {
    const sets = new Set(candidates.map((candidate) => [...candidate.names].sort().join('\n')));
    if (sets.size > 1) throw ambiguous(files, all, 'say which one with --reference');
    return candidates;
  }
  const found = candidates.filter((candidate) => candidate.names.some((name) => isCalled(name, reference)));
  if (found.length > 0) return found;
  throw new PortableError('InvalidArgs', `${quoted(files.name)} has no image called ${quoted(reference)}`, {
    file: files.name,
    hint: all.length === 0 ? 'its images have no names' : `there is ${all.join(', ')}`,
  });
}

/** Docker's full names ("docker.io/library/redis:7") are known by their ends. */
function isCalled(name: string, reference: string): boolean {
  return name === reference || name.endsWith(`/${reference}`) || name === `${reference}:latest`;
}

function withDiffIds(
  files: LayoutFiles,
  layers: readonly Omit<LayerFile, 'diffId'>[],
  { diffIds }: ContainerConfig,
): LayerFile[] {
  if (layers.length !== diffIds.length) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(files.name)} has ${layers.length} layers, but its config names ${diffIds.length}`,
      { file: files.name, hint: 'it was damaged: fetch the container image again' },
    );
  }
  return layers.flatMap((layer, i) => {
    const diffId = diffIds[i];
    return diffId === undefined ? [] : [{ ...layer, diffId }];
  });
}

function missing(files: LayoutFiles, file: string): PortableError {
  return new PortableError(
    'FileNotFound',
    `${quoted(files.name)} lacks ${quoted(file)}, which its manifest names`,
    {
      file: files.name,
      hint: 'the copy is incomplete: fetch the container image again',
    },
  );
}

function ambiguous(files: LayoutFiles, found: readonly string[], hint: string): PortableError {
  const list = found.length === 0 ? 'none of them has a name' : [...new Set(found)].join(', ');
  return new PortableError('InvalidArgs', `${quoted(files.name)} holds several images: ${list}`, {
    file: files.name,
    hint,
  });
}

function wrongPlatform(files: LayoutFiles, choice: Choice, found: readonly Platform[]): PortableError {
  const list = found.length === 0 ? 'nothing' : [...new Set(found.map(formatPlatform))].join(', ');
  return new PortableError(
    'InvalidArgs',
    `${quoted(files.name)} has no image for ${formatPlatform(choice.platform)}, only for ${list}`,
    { file: files.name, hint: 'choose one of these with --platform, or fetch the one for this machine' },
  );
}
