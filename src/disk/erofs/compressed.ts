/** Content that is compressed, wholly or in part. */
import { clusterExtents } from './cluster-extents.ts';
import { readCompressionMap } from './compression-map.ts';
import { encodedExtents } from './encoded-extents.ts';
import { corrupt } from './errors.ts';
import type { Compressed, Extent, Fragment, Stored } from './extent.ts';
import type { Inode } from './inode.ts';
import { readImage, zeroRun } from './run.ts';
import type { FindRun, Run } from './run.ts';
import type { Purpose, Volume } from './volume.ts';

/** @throws PortableError when the inode's compression map is corrupt or not known */
export async function compressedRuns(volume: Volume, inode: Inode, purpose: Purpose): Promise<FindRun> {
  const { blockBits, blockSize } = volume.superblock;
  const map = await readCompressionMap(inode, blockBits);
  if (map.kind === 'fragment') {
    const whole = fragmentRun(volume, inode, { start: 0n, end: inode.size }, map);
    return () => whole;
  }
  const findExtent =
    map.kind === 'clusters' ? clusterExtents(map, inode, blockSize) : encodedExtents(map, inode, blockSize);
  // reading on finds the same extent again and again
  let last: { readonly extent: Extent; readonly run: Run } | undefined;
  return async (offset) => {
    if (last !== undefined && last.extent.start <= offset && offset < last.extent.end) return last.run;
    const extent = await findExtent(offset);
    last = { extent, run: runOf(volume, inode, extent, purpose) };
    return last.run;
  };
}

function runOf(volume: Volume, inode: Inode, extent: Extent, purpose: Purpose): Run {
  const { data } = extent;
  switch (data.kind) {
    case 'hole':
      return zeroRun(extent.end);
    case 'fragment':
      return fragmentRun(volume, inode, extent, data);
    case 'stored':
      return clusterRun(volume, inode, extent, data, purpose);
    case 'compressed':
      return compressedRun(volume, extent, data, purpose);
  }
}

type Range = Pick<Extent, 'start' | 'end'>;

/** Bytes of the packed inode. */
function fragmentRun(volume: Volume, inode: Inode, range: Range, fragment: Pick<Fragment, 'offset'>): Run {
  return {
    end: range.end,
    async read(offset, length) {
      if (volume.packed === undefined) {
        throw corrupt(volume.source.name, `inode ${inode.node} has a fragment where there may be none`);
      }
      const packed = await volume.packed();
      const bytes = await packed.read(fragment.offset + (offset - range.start), length);
      if (bytes.length === length) return bytes;
      throw corrupt(
        volume.source.name,
        `the fragment of inode ${inode.node} at ${fragment.offset} is outside the ${packed.size} bytes of the packed inode`,
      );
    },
  };
}

/** Stored bytes of a cluster: from its start, or rotated. */
function clusterRun(volume: Volume, inode: Inode, extent: Extent, stored: Stored, purpose: Purpose): Run {
  const { place } = stored;
  if (extent.end - extent.start > BigInt(place.length)) {
    throw corrupt(
      volume.source.name,
      `inode ${inode.node} stores ${extent.end - extent.start} bytes in a cluster of ${place.length}`,
    );
  }
  const read = (position: bigint, length: number) =>
    place.space === undefined
      ? readImage(volume, purpose, position, length)
      : place.space.read(position, length);
  const head = stored.interlaced ? rotatedHead(extent, stored, volume.superblock.blockSize) : undefined;
  if (head === undefined) {
    return {
      end: extent.end,
      read: (offset, length) => read(place.position + (offset - extent.start), length),
    };
  }
  return {
    end: extent.end,
    async read(offset, length) {
      if (offset >= head.end) return read(place.position + (offset - head.end), length);
      const first = Math.min(length, Number(head.end - offset));
      const bytes = await read(head.position + (offset - extent.start), first);
      if (first === length) return bytes;
      return Buffer.concat([bytes, await read(place.position, length - first)]);
    },
  };
}

/**
 * The part of a rotated cluster up to the next block boundary of the content: it is at the end of the last block;
 * what follows it is at the start of the cluster. Undefined when content starts at a boundary: nothing is rotated.
 */
function rotatedHead(
  extent: Extent,
  stored: Stored,
  blockSize: number,
): { readonly end: bigint; readonly position: bigint } | undefined {
  const cut = extent.start % BigInt(blockSize);
  if (cut === 0n) return undefined;
  const headLength = BigInt(blockSize) - cut;
  return {
    end: extent.start + headLength,
    position: stored.place.position + BigInt(stored.place.length) - headLength,
  };
}

function compressedRun(volume: Volume, extent: Extent, data: Compressed, purpose: Purpose): Run {
  return {
    end: extent.end,
    async read(offset, length) {
      const from = Number(offset - extent.start);
      const bytes = await volume.decoded.read(
        data,
        Number(extent.end - extent.start),
        from + length,
        purpose,
      );
      return bytes.subarray(from, from + length);
    },
  };
}
