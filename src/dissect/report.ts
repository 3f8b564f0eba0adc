/** Everything that is to be known of an image without changing or mounting it. */
import path from 'node:path';

import type { Budget } from '../disk/budget.ts';
import { formatPolicy } from '../disk/image-policy.ts';
import { type ImageLocation, type ImagePart, type ImageTable, openImage } from '../disk/open.ts';
import { rememberingTree } from '../disk/remembering-tree.ts';
import type { FileTree } from '../disk/tree.ts';
import { listDirectory, readFile } from '../disk/walk.ts';
import { extensionReleaseDirectories } from '../portable/extension-release.ts';
import { readOsReleaseFile } from '../portable/os-release-file.ts';
import { parseOsRelease } from '../portable/os-release.ts';
import { findUnits } from '../portable/units.ts';

/** The assignments of an os-release or extension-release file. */
export interface Release {
  /** In the image. */
  readonly path: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface Report {
  readonly path: string;
  /** The file's name without ".raw". */
  readonly name: string;
  readonly type: ImageLocation['type'];
  /** Bytes of a raw image or block device. */
  readonly size: bigint | undefined;
  /** Of the root: "squashfs", or "directory". */
  readonly fileSystem: string;
  readonly table: ImageTable | undefined;
  readonly parts: readonly ImagePart[];
  /** systemd.image-policy(7), as the newest service managers understand it; undefined for directories. */
  readonly policy: string | undefined;
  readonly osRelease: Release | undefined;
  /** By class; an image may be several things at once. */
  readonly sysexts: readonly Release[];
  readonly confexts: readonly Release[];
  readonly units: readonly string[];
  readonly userUnits: readonly string[];
  /** What the names of its units must begin with to be portable: PORTABLE_PREFIXES= of os-release(5). */
  readonly prefixes: readonly string[];
  /** Bytes of the image that were read for all of this. */
  readonly bytesRead: number;
}

/** @throws PortableError of opening or reading the image */
export async function inspectImage(location: ImageLocation, budget: Budget): Promise<Report> {
  const image = await openImage(location, budget);
  const tree = rememberingTree(image.tree);
  try {
    const osRelease = await osReleaseOf(tree, budget);
    const [sysexts = [], confexts = []] = await extensionReleases(tree, budget);
    const units = await findUnits(tree, 'system', [], budget);
    const userUnits = await findUnits(tree, 'user', [], budget);
    const release = osRelease ?? sysexts[0] ?? confexts[0];
    return {
      path: location.path,
      name: path.basename(location.path).replace(/\.raw$/, ''),
      type: location.type,
      size: image.size,
      fileSystem: tree.type,
      table: image.table,
      parts: image.parts,
      policy: image.policy === undefined ? undefined : formatPolicy(image.policy, Infinity),
      osRelease,
      sysexts,
      confexts,
      units: [...units.keys()],
      userUnits: [...userUnits.keys()],
      prefixes: (release?.fields.get('PORTABLE_PREFIXES') ?? '').split(/\s+/).filter((each) => each !== ''),
      bytesRead: image.bytesRead,
    };
  } finally {
    await tree.close();
    await image.close();
  }
}

async function osReleaseOf(tree: FileTree, budget: Budget): Promise<Release | undefined> {
  const file = await readOsReleaseFile(tree, budget);
  return file && { path: file.path, fields: parseOsRelease(file.content) };
}

/** One list for each of the directories that they are in. */
async function extensionReleases(tree: FileTree, budget: Budget): Promise<readonly (readonly Release[])[]> {
  const lists: Release[][] = [];
  for (const directory of extensionReleaseDirectories) {
    const found: Release[] = [];
    for (const { name } of (await listDirectory(tree, directory, budget)) ?? []) {
      if (!name.toString().startsWith('extension-release.')) continue;
      const file = `${directory}/${name.toString()}`;
      const content = await readFile(
        tree,
        Buffer.concat([Buffer.from(`${directory}/`), name]),
        budget.limits.osReleaseBytes,
        budget,
      );
      if (content !== undefined) found.push({ path: file, fields: parseOsRelease(content) });
    }
    lists.push(found.sort((a, b) => (a.path < b.path ? -1 : 1)));
  }
  return lists;
}

/** What the image is good for, in words. */
export function usesOf(report: Report): readonly string[] {
  return [
    ...(report.osRelease === undefined ? [] : ['portable service']),
    ...(report.sysexts.length === 0 ? [] : ['system extension']),
    ...(report.confexts.length === 0 ? [] : ['configuration extension']),
  ];
}
