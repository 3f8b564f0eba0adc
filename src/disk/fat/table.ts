/**
 * The file allocation table: for each cluster the next one of its chain. Microsoft, "FAT: General Overview of On-Disk
 * Format", "FAT Data Structure".
 */
import { type Geometry, firstCluster } from './boot-sector.ts';
import { type Volume, pageSize } from './volume.ts';

/** Bits of an entry that count; the four highest of FAT32 are reserved. */
const valueMask = { 12: 0xfff, 16: 0xffff, 32: 0x0fff_ffff } as const;

/** The highest values, counted from the mask down: the last eight end a chain, the one before marks a bad cluster. */
const endMarks = 8;

/** Clusters one after the other, and the one that their chain goes on with. */
export interface Run {
  readonly count: number;
  /** undefined: the chain ends. */
  readonly next: number | undefined;
}

/**
 * The clusters that follow `cluster` in its chain and on disk alike, as far as one page of the table tells.
 *
 * @param owner what error messages call the chain
 * @throws PortableError InvalidArgs when the chain leads to a cluster that is free, bad, or not there
 */
export async function clusterRun(volume: Volume, cluster: number, owner: string): Promise<Run> {
  const { bits } = volume.geometry;
  const bad = valueMask[bits] - endMarks;
  const window = await windowAt(volume, cluster);
  for (let last = cluster; ; last++) {
    const next = window.next(last);
    if (next > bad) return { count: last - cluster + 1, next: undefined };
    if (!volume.hasCluster(next)) {
      const word =
        next === 0 ? 'which is free' : next === bad ? 'which is marked as bad' : 'which is not there';
      throw volume.corrupt(`the cluster chain of ${owner} leads from cluster ${last} to ${next}, ${word}`);
    }
    if (next !== last + 1 || next === window.end) return { count: last - cluster + 1, next };
  }
}

/** Entries of the table in memory, up to that of cluster `end`. */
interface Window {
  readonly end: number;
  /** The entry of a cluster of the window. */
  next(cluster: number): number;
}

async function windowAt(volume: Volume, cluster: number): Promise<Window> {
  const { geometry } = volume;
  if (geometry.bits === 12) return wholeTable(volume);
  const size = geometry.bits / 8;
  const perPage = pageSize / size;
  const index = Math.floor(cluster / perPage);
  const page = await volume.page(geometry.tableOffset, index);
  const first = index * perPage;
  return {
    end: first + perPage,
    next: (of) => (page.readUIntLE((of - first) * size, size) & valueMask[geometry.bits]) >>> 0,
  };
}

/** Of FAT12, whose entries cross bytes and pages, and are few: three bytes hold two. */
async function wholeTable(volume: Volume): Promise<Window> {
  const { geometry } = volume;
  const end = firstCluster + geometry.clusters;
  const pages: Buffer[] = [];
  for (let index = 0; index * pageSize < tableBytes(geometry); index++) {
    pages.push(await volume.page(geometry.tableOffset, index));
  }
  const table = Buffer.concat(pages);
  return {
    end,
    next: (cluster) => {
      const pair = table.readUInt16LE(cluster + (cluster >>> 1));
      return (cluster & 1) === 0 ? pair & valueMask[12] : pair >>> 4;
    },
  };
}

function tableBytes({ clusters, bits }: Geometry): number {
  return Math.ceil(((firstCluster + clusters) * bits) / 8);
}
