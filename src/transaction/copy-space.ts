/** How large a copy will be, and whether there is room for it. */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { PortableError, quoted } from '../base/errors.ts';
import { btrfsMagic } from '../base/subvolume.ts';
import { runTool } from '../base/tool.ts';
import type { ImageCopy } from './copy-image.ts';

/** What stat(2) counts blocks in, bytes. */
const blockSize = 512;

/** Bytes; undefined where nobody knows. */
interface Figures {
  readonly total: number | undefined;
  readonly free: number | undefined;
}

/**
 * The bytes that a file, or a tree with everything in it, takes on disk, holes left out.
 * @returns undefined where part of it cannot be looked at: whoever copies it will say why
 */
export async function allocatedBytes(at: string, signal?: AbortSignal): Promise<number | undefined> {
  const found = statSync(at);
  if (!found.isDirectory()) return found.blocks * blockSize;
  try {
    const told = await runTool('du', ['-sH', '--block-size=1', '--', at], {
      doing: `measure ${quoted(at)}`,
      file: at,
      signal,
    });
    return Number(/^\d+/.exec(told)?.[0]);
  } catch (error) {
    if (error instanceof PortableError) return undefined;
    throw error;
  }
}

/** xfs, which has reflinks: XFS_SUPER_MAGIC of statfs(2). */
const xfsMagic = 0x58465342;

/**
 * Refuses what can never fit, before anything is written.
 * @returns the free bytes where the copy goes; undefined where copying may take none (reflinks, compression)
 */
export function checkSpace(copy: ImageCopy, total: number | undefined): number | undefined {
  const target = statfsSync(dirname(copy.staged));
  if (target.type === btrfsMagic || target.type === xfsMagic) return undefined;
  const free = target.bfree * target.bsize;
  if (total !== undefined && total > free) throw noSpace(copy, { total, free });
  return free;
}

/** The error of a copy that the disk was too small for, with how much too small. */
export function withFigures(error: unknown, copy: ImageCopy, figures: Figures): unknown {
  const isFull =
    error instanceof PortableError && ['System.Error.ENOSPC', 'System.Error.EDQUOT'].includes(error.dbusName);
  return isFull ? noSpace(copy, figures, error) : error;
}

function noSpace(
  { source, path }: ImageCopy,
  { total, free }: Figures,
  cause?: PortableError,
): PortableError {
  const needed = total === undefined ? '' : `, ${total} bytes are needed`;
  const there = free === undefined || needed === '' ? '' : `, ${free} were free`;
  return new PortableError(
    'Failed',
    `cannot copy ${quoted(source)} to ${quoted(path)}: not enough space${needed}${there}`,
    {
      file: path,
      dbusName: cause === undefined ? 'System.Error.ENOSPC' : cause.dbusName,
      cause,
      hint: 'make room, or attach the image without copying it',
    },
  );
}
