/** Container images on disk: OCI image layouts and what `docker save` writes, out of layers that are tar archives. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { tarArchive } from './tar-archive.ts';

/** What a container's config says; as in the OCI Image Format Specification. */
export type Config = Readonly<Record<string, unknown>>;

export interface Image {
  /** Uncompressed archives, the lowest first. */
  readonly layers: readonly Buffer[];
  readonly config?: Config;
  readonly platform?: { readonly os: string; readonly architecture: string; readonly variant?: string };
  readonly reference?: string;
}

/** How a layer is stored. */
export type Compress = (layer: Buffer) => Buffer;

export const gzip: Compress = (layer) => gzipSync(layer, { level: 1 });

/** This machine's architecture, as Go names it. */
export const hostPlatform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch };

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The files of an OCI layout, by path. */
export function ociFiles(images: readonly Image[], compress: Compress = gzip): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const blob = (bytes: Buffer): { digest: string; size: number } => {
    const digest = sha256(bytes);
    files.set(`blobs/${digest.replace(':', '/')}`, bytes);
    return { digest, size: bytes.length };
  };
  const manifests = images.map((image) => {
    const config = blob(json(configOf(image)));
    const layers = image.layers.map((layer) => blob(compress(layer)));
    const manifest = blob(json({ schemaVersion: 2, config, layers }));
    return {
      ...manifest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      platform: image.platform,
      annotations: image.reference && { 'org.opencontainers.image.ref.name': image.reference },
    };
  });
  files.set('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  files.set('index.json', json({ schemaVersion: 2, manifests }));
  return files;
}

/** The files of what `docker save` wrote before version 25: layers uncompressed, known by a link when repeated. */
export function dockerFiles(images: readonly Image[]): Map<string, Buffer | { link: string }> {
  const files = new Map<string, Buffer | { link: string }>();
  const seen = new Map<string, string>();
  const manifest = images.map((image, n) => {
    const config = json(configOf(image));
    const name = `${sha256(config).slice('sha256:'.length)}.json`;
    files.set(name, config);
    const layers = image.layers.map((layer, i) => {
      const file = `${n}-${i}/layer.tar`;
      const same = seen.get(sha256(layer));
      files.set(file, same === undefined ? layer : { link: `../${same}` });
      seen.set(sha256(layer), file);
      return file;
    });
    return {
      Config: name,
      RepoTags: image.reference === undefined ? null : [image.reference],
      Layers: layers,
    };
  });
  files.set('manifest.json', json(manifest));
  return files;
}

function configOf({ layers, config = {}, platform = hostPlatform }: Image): unknown {
  return { ...platform, config, rootfs: { type: 'layers', diff_ids: layers.map(sha256) } };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function writeFiles(directory: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, bytes] of files) {
    mkdirSync(path.join(directory, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(directory, name), bytes);
  }
}

export function archiveOf(files: ReadonlyMap<string, Buffer | { link: string }>): Buffer {
  return tarArchive(
    [...files].map(([name, content]) =>
      'link' in content ? { path: name, type: '2', target: content.link } : { path: name, content },
    ),
  );
}
