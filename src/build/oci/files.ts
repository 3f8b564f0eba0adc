/** The files of a container image, wherever they lie: in a directory, or in a tar archive of one. */
import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf, fileError, PortableError, quoted } from '../../base/errors.ts';
import { openFileSource } from '../../disk/file-source.ts';
import { sliceSource } from '../../disk/source.ts';
import type { BlockSource } from '../../disk/source.ts';
import { readTar } from '../tar/read.ts';

export interface LayoutFiles {
  /** What error messages call it: its path. */
  readonly name: string;
  /** The file at a relative path ("blobs/sha256/…"); undefined when there is none. The caller closes it. */
  open(file: string): Promise<BlockSource | undefined>;
  close(): Promise<void>;
}

/** Entries that an archive of a container image has at most: one per blob, and directories. */
const maxEntries = 100_000;

/** Links followed on the way to a file: old versions of docker save have them in place of repeated layers. */
const maxLinks = 8;

/**
 * @param archive of the layout; closed with the result
 * @throws PortableError InvalidArgs when it is no tar archive
 */
export async function filesOfArchive(archive: BlockSource): Promise<LayoutFiles> {
  const entries = new Map<
    string,
    { readonly link: string } | { readonly start: number; readonly size: number }
  >();
  let count = 0;
  for await (const entry of readTar(archive)) {
    if (++count > maxEntries) {
      throw new PortableError(
        'LimitsExceeded',
        `${quoted(archive.name)} has more than ${maxEntries} entries`,
        {
          file: archive.name,
        },
      );
    }
    const name = normalized(entry.path.toString());
    const target = normalized(entry.linkTarget.toString());
    const [extent] = entry.extents;
    if (entry.kind === 'symlink')
      entries.set(name, { link: path.posix.join(path.posix.dirname(name), target) });
    if (entry.kind === 'hardLink') entries.set(name, { link: target });
    if (entry.kind === 'file' && entry.extents.length < 2 && (extent?.length ?? 0) === entry.size) {
      entries.set(name, { start: extent?.start ?? 0, size: entry.size });
    }
  }
  const find = (name: string, hops = 0): { start: number; size: number } | undefined => {
    const entry = entries.get(name);
    if (entry === undefined || 'start' in entry) return entry;
    return hops < maxLinks ? find(entry.link, hops + 1) : undefined;
  };
  return {
    name: archive.name,
    open(file) {
      const found = find(file);
      const slice = found && sliceSource(archive, BigInt(found.start), BigInt(found.size), file);
      return Promise.resolve(slice);
    },
    close: () => archive.close(),
  };
}

function normalized(name: string): string {
  return path.posix.normalize(name).replace(/\/$/, '');
}

/**
 * @param directory an OCI layout, or what docker save writes, unpacked
 * @returns opening throws PortableError InvalidArgs for names with ".." in them
 */
export function filesOfDirectory(directory: string): LayoutFiles {
  return {
    name: directory,
    async open(file) {
      if (file.split('/').includes('..')) throw leadsOut(file, directory);
      const place = path.join(directory, file);
      try {
        // tools that share blobs between layouts link them
        return await openFileSource(await realpath(place));
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw fileError(error, 'open', place);
      }
    },
    close: () => Promise.resolve(),
  };
}

/** In an archive there is nothing outside of it. */
function leadsOut(file: string, directory: string): PortableError {
  return new PortableError('InvalidArgs', `${quoted(directory)} names ${quoted(file)} as a file of its own`, {
    file: directory,
    hint: 'an honest container image names only files that are in it',
  });
}

/** Whether there is a directory at a path. @throws PortableError FileNotFound and the like */
export async function isDirectory(file: string): Promise<boolean> {
  try {
    return (await lstat(file)).isDirectory();
  } catch (error) {
    throw fileError(error, 'open', file);
  }
}
