/**
 * What is attached on this machine, read from its files: enough to attach it again as it was, and to tell whether it is
 * as it was. The daemon's interface tells neither the profile nor the units of an attachment.
 */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { errnoOf } from '../../base/errors.ts';
import type { HostPaths } from '../../base/host-paths.ts';
import type { Log } from '../../base/log.ts';
import { scanLifetime, type AttachedUnit } from '../../portable/attachments.ts';
import { dropInName, profileLinkName } from '../../portable/drop-in.ts';
import { indexAttached, selectAttached, wantedImages } from '../../portable/match.ts';
import { findProfileFile, listProfiles } from '../../portable/profiles.ts';
import { portableUnitType } from '../../portable/unit-name.ts';
import type { AttachRequest, CopyMode, ImageRef } from '../../portable/requests.ts';

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
  /** Each file of it, and what is there: kind, mode, content. */
  readonly files: ReadonlyMap<string, string>;
}

/** What is attached of the images, and whatever has units of these names: the daemon may write over these. */
export async function attachmentsOf(
  host: LocalHost,
  refs: readonly ImageRef[],
  names: ReadonlySet<string>,
  runtime: boolean,
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
    const one = readUnit(host, unit, links, runtime);
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

function readUnit(
  host: LocalHost,
  { unit, directory, images }: AttachedUnit,
  links: string,
  runtime: boolean,
): Attachment {
  const [image = '', ...extensions] = images;
  const dropIns = `${directory}/${unit}.d`;
  const names = [unit, ...namesIn(join(host.root, dropIns)).map((name) => `${unit}.d/${name}`)];
  const paths = [
    ...names.map((name) => `${directory}/${name}`),
    dropIns,
    ...images.map((each) => `${links}/${basename(each)}`),
  ];
  const files = new Map<string, string>();
  for (const path of paths) {
    const is = describe(join(host.root, path));
    if (is !== undefined) files.set(path, is);
  }
  const profile = profileOf(host, unit, join(host.root, dropIns, profileLinkName));
  const copied = images.some(
    (each) =>
      /^(file|directory) /.test(files.get(`${links}/${basename(each)}`) ?? '') && dirname(each) !== links,
  );
  const linked = files.get(`${directory}/${unit}`)?.startsWith('link ') === true;
  const copyMode: CopyMode = copied ? 'mixed' : linked ? 'symlink' : profile.copied ? 'copy' : '';
  const relaxed = readFileSync(join(host.root, dropIns, dropInName), 'latin1').includes(
    'relax-extension-release-check',
  );
  const request = {
    image,
    extensions,
    matches: [unit],
    profile: profile.name ?? '',
    copyMode,
    runtime,
    force: true,
    forceExtension: relaxed,
  };
  return { request, isKnown: profile.name !== undefined, files };
}

/** The profile behind a drop-in: a link to one, or a copy of one. No name where it is neither. */
function profileOf(
  host: LocalHost,
  unit: string,
  file: string,
): { name: string | undefined; copied: boolean } {
  const is = describe(file);
  if (is === undefined) return { name: '', copied: false };
  if (is.startsWith('link ')) return { name: basename(dirname(readlinkSync(file))), copied: false };
  if (!is.startsWith('file ')) return { name: undefined, copied: true };
  const content = readFileSync(file);
  const type = portableUnitType(unit);
  const name = listProfiles(host).find(
    (each) => type !== undefined && findProfileFile(host, each, type)?.content.equals(content) === true,
  );
  return { name, copied: true };
}

/** What is at a path: "link TARGET", "file MODE HASH", "directory MODE", "other MODE"; undefined where nothing is. */
function describe(path: string): string | undefined {
  try {
    const status = lstatSync(path);
    if (status.isSymbolicLink()) return `link ${readlinkSync(path)}`;
    const mode = (status.mode & 0o7777).toString(8);
    if (status.isDirectory()) return `directory ${mode}`;
    if (!status.isFile()) return `other ${status.mode.toString(8)}`;
    // images that were copied may be large
    const content = path.endsWith('.raw')
      ? String(status.size)
      : createHash('sha256').update(readFileSync(path)).digest('hex');
    return `file ${mode} ${content}`;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}
