/**
 * What is attached on this machine, read from its files: enough to attach it again as it was, and to tell whether it is
 * as it was. The daemon's interface tells neither the profile nor the units of an attachment.
 */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { errnoOf } from '../../base/errors.ts';
import type { HostPaths } from '../../base/host-paths.ts';
import type { Log } from '../../base/log.ts';
import { readSmallFile } from '../../base/small-file.ts';
import { scanLifetime, type AttachedUnit } from '../../portable/attachments.ts';
import { dropInName, profileLinkName } from '../../portable/drop-in.ts';
import { indexAttached, selectAttached, wantedImages } from '../../portable/match.ts';
import { findProfileFile, listProfiles, maxProfileBytes } from '../../portable/profiles.ts';
import { portableUnitType } from '../../portable/unit-name.ts';
import type { AttachRequest, CopyMode, ImageRef } from '../../portable/requests.ts';
import type { Likeness } from './likeness.ts';

/** The files of the host that the daemon serves. */
export interface LocalHost {
  readonly root: string;
  readonly paths: HostPaths;
  readonly log: Log;
}

/** Units of an image that were attached in the same way. */
export interface Attachment {
  /** Attaches it again as it was. */
  readonly request: AttachRequest;
  /** False where its profile is none that has a name. */
  readonly isKnown: boolean;
  /** Each file of it, and what is there (likeness.ts). */
  readonly files: ReadonlyMap<string, string>;
}

/** What is attached of the images, and whatever has units of these names: the daemon may write over these. */
export async function attachmentsOf(
  host: LocalHost,
  refs: readonly ImageRef[],
  names: ReadonlySet<string>,
  runtime: boolean,
  likeness: Likeness,
): Promise<readonly Attachment[]> {
  const lifetime = runtime ? 'runtime' : 'persistent';
  const all = await scanLifetime(host, lifetime);
  const index = indexAttached(all);
  const wanted = await Promise.all(refs.map((ref) => wantedImages(host, ref)));
  const named = all.filter(({ unit }) => names.has(unit));
  const units = new Set([...wanted.flatMap((images) => selectAttached(index, images)), ...named]);
  const links = host.paths.imageLinks[lifetime];
  const groups = new Map<string, Attachment>();
  for (const unit of units) {
    const one = readUnit(host, unit, links, runtime, likeness);
    const { image, extensions, profile, copyMode } = one.request;
    const key = JSON.stringify([image, extensions, profile, copyMode, one.isKnown]);
    const group = groups.get(key);
    groups.set(key, group === undefined ? one : joined(group, one));
  }
  return [...groups.values()];
}

/** Whether everything of one attachment is as in the other. */
export function isSame(one: Attachment, other: Attachment): boolean {
  return (
    one.files.size === other.files.size && [...one.files].every(([file, is]) => other.files.get(file) === is)
  );
}

function joined(one: Attachment, other: Attachment): Attachment {
  return {
    request: { ...one.request, matches: [...one.request.matches, ...other.request.matches] },
    isKnown: one.isKnown,
    files: new Map([...one.files, ...other.files]),
  };
}

/** A first line with the marker, and what systemd and we write below it. */
const maxDropInBytes = 4 * 1024 * 1024;

function readUnit(
  host: LocalHost,
  { unit, directory, images }: AttachedUnit,
  links: string,
  runtime: boolean,
  likeness: Likeness,
): Attachment {
  const [image = '', ...extensions] = images;
  const dropIns = `${directory}/${unit}.d`;
  const names = [unit, ...namesIn(join(host.root, dropIns)).map((name) => `${unit}.d/${name}`)];
  const files = new Map<string, string>();
  const note = (path: string, kind?: 'image'): void => {
    const is = likeness.of(join(host.root, path), kind);
    if (is !== undefined) files.set(path, is);
  };
  for (const path of [...names.map((name) => `${directory}/${name}`), dropIns]) note(path);
  for (const each of images) note(`${links}/${basename(each)}`, 'image');
  const profile = profileOf(host, unit, `${dropIns}/${profileLinkName}`, files);
  const copied = images.some(
    (each) =>
      /^(file|directory) /.test(files.get(`${links}/${basename(each)}`) ?? '') && dirname(each) !== links,
  );
  const linked = files.get(`${directory}/${unit}`)?.startsWith('link ') === true;
  const copyMode: CopyMode = copied ? 'mixed' : linked ? 'symlink' : profile.copied ? 'copy' : '';
  const dropIn = readSmallFile(join(host.root, dropIns, dropInName), maxDropInBytes);
  const request = {
    image,
    extensions,
    matches: [unit],
    profile: profile.name ?? '',
    copyMode,
    runtime,
    force: true,
    forceExtension: dropIn?.includes('relax-extension-release-check') === true,
  };
  return { request, isKnown: profile.name !== undefined, files };
}

/** The profile behind a drop-in: a link to one, or a copy of one. No name where it is neither. */
function profileOf(
  host: LocalHost,
  unit: string,
  path: string,
  files: ReadonlyMap<string, string>,
): { name: string | undefined; copied: boolean } {
  const is = files.get(path);
  const file = join(host.root, path);
  if (is === undefined) return { name: '', copied: false };
  if (is.startsWith('link ')) return { name: basename(dirname(readlinkSync(file))), copied: false };
  const unknown = { name: undefined, copied: true };
  if (!is.startsWith('file ') || lstatSync(file).size > maxProfileBytes) return unknown;
  const content = readSmallFile(file, maxProfileBytes);
  const type = portableUnitType(unit);
  if (content === undefined || content === 'other' || type === undefined) return unknown;
  const name = listProfiles(host).find(
    (each) => findProfileFile(host, each, type)?.content.equals(content) === true,
  );
  return { name, copied: true };
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
