/** Applies the entries of one layer to the tree: OCI Image Format Specification, layer.md. */
import type { BlockSource } from '../../disk/source.ts';
import { readTar } from '../tar/read.ts';
import type { TarEntry } from '../tar/read.ts';
import { archivedContent } from './content.ts';
import { componentsOf, LayerEntry, targetOf } from './entry-path.ts';
import type { LayerTree } from './layer-tree.ts';
import type { UnpackLimits } from './limits.ts';

/** What is left of the limits; counts down over all layers. */
export interface Left {
  entries: number;
  metadataBytes: number;
  /** Pieces of files with holes. */
  extents: number;
  /** Bytes that layers may expand to, and the holes of files. */
  bytes: number;
}

/** Pieces of all files with holes; each costs memory. */
const maxExtents = 2_000_000;

/** The limits, with nothing used so far. */
export function startCounting(limits: UnpackLimits): Left {
  return {
    entries: limits.entries,
    metadataBytes: limits.metadataBytes,
    extents: maxExtents,
    bytes: limits.totalBytes,
  };
}

const whiteout = '.wh.';
const opaque = '.wh..wh..opq';
/** Names that aufs kept its own things under. */
const reserved = '.wh..wh.';

/**
 * @param archive the layer, uncompressed; it stays in use as long as the tree
 * @throws PortableError InvalidArgs naming layer and entry for whatever has no place in an image: names that lead out of
 *   it, links to nothing, device nodes and pipes; LimitsExceeded
 */
export async function applyLayer(
  tree: LayerTree,
  archive: BlockSource,
  left: Left,
  signal?: AbortSignal,
): Promise<void> {
  tree.nextLayer();
  for await (const entry of readTar(archive)) {
    signal?.throwIfAborted();
    const place = new LayerEntry(archive.name, entry.path);
    count(entry, place, left);
    applyEntry(tree, archive, entry, place);
  }
}

function count(entry: TarEntry, place: LayerEntry, left: Left): void {
  const stored = entry.extents.reduce((sum, { length }) => sum + length, 0);
  left.entries -= 1;
  left.metadataBytes -= entry.path.length + entry.linkTarget.length;
  for (const [name, value] of entry.xattrs) left.metadataBytes -= name.length + value.length;
  left.extents -= entry.extents.length > 1 ? entry.extents.length : 0;
  left.bytes -= entry.size - stored;
  if (left.entries < 0) throw place.limited('more entries than allowed', 'allow more with --max-entries');
  if (left.bytes < 0) throw place.limited('more bytes than allowed', 'allow more with --max-size');
  if (left.metadataBytes < 0 || left.extents < 0) {
    throw place.limited(
      'more names and attributes than fit into memory',
      'such an image is hardly an honest one',
    );
  }
}

function applyEntry(tree: LayerTree, archive: BlockSource, entry: TarEntry, place: LayerEntry): void {
  const names = componentsOf(entry.path, 'name', place);
  const name = names.at(-1);
  // the root directory: mode and owner are ours
  if (name === undefined) return;
  if (name === opaque) {
    tree.makeOpaque(names.slice(0, -1), place);
  } else if (name.startsWith(reserved)) {
    return;
  } else if (name.startsWith(whiteout)) {
    const hidden = name.slice(whiteout.length);
    if (['', '.', '..'].includes(hidden)) throw place.refused('is a whiteout of nothing');
    tree.whiteOut([...names.slice(0, -1), hidden], place);
  } else {
    putEntry(tree, archive, entry, names, place);
  }
}

function putEntry(
  tree: LayerTree,
  archive: BlockSource,
  entry: TarEntry,
  names: readonly string[],
  place: LayerEntry,
): void {
  const owner = { uid: entry.uid, gid: entry.gid };
  const attributes = { mode: entry.mode, owner, xattrs: kept(entry.xattrs) };
  switch (entry.kind) {
    case 'file': {
      const content = archivedContent(archive, entry.size, entry.extents);
      tree.put(names, { kind: 'file', ...attributes, content }, place);
      break;
    }
    case 'directory':
      tree.directory(names, attributes, place);
      break;
    case 'symlink':
      tree.put(names, { kind: 'symlink', target: targetOf(entry.linkTarget, place), owner }, place);
      break;
    case 'hardLink': {
      const target = tree.look(componentsOf(entry.linkTarget, 'link target', place), place);
      if (target === undefined || target.kind === 'directory') {
        const what = target === undefined ? 'which is not there' : 'which is a directory';
        throw place.refused(`is a hard link to '${entry.linkTarget.toString()}', ${what}`);
      }
      tree.put(names, target, place);
      break;
    }
    default:
      // the kernel's own are mounted over these
      if (names[0] === 'dev') return;
      throw place.refused(
        `is a ${entry.kind === 'fifo' ? 'named pipe' : `${entry.kind} device node`}, which an image cannot have`,
        "services find devices in /dev, which is the host's",
      );
  }
}

/**
 * Of a program's attributes, those that belong to it wherever it is: capabilities and its own. Labels of a security
 * module and what a file system notes for itself are of the machine that made the layer.
 */
function kept(xattrs: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  return new Map([...xattrs].filter(([name]) => name === 'security.capability' || name.startsWith('user.')));
}
