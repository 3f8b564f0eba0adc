/** Directories of versions, "NAME.v/" and "NAME.raw.v/": which of them is meant (systemd.v(7)). */
import path from 'node:path';
import { compareVersions } from '../base/version-compare.ts';
import { hostArchitecture, isArchitecture } from '../base/architecture.ts';

/** Whether a path names a directory of versions. */
export function isVersioned(at: string): boolean {
  return at.endsWith('.v');
}

/** A path of the form DIRECTORY.v/NAME___SUFFIX, which picks by pattern; or a plain DIRECTORY.v. */
export function splitPattern(at: string): { directory: string; name: string; suffix: string } | undefined {
  if (isVersioned(at)) {
    const suffix = at.endsWith('.raw.v') ? '.raw' : '';
    return { directory: at, name: path.basename(at, `${suffix}.v`), suffix };
  }
  const match = /^(?<name>.+)___(?<suffix>(?:\.raw)?)$/.exec(path.basename(at));
  const directory = path.dirname(at);
  if (match?.groups === undefined || !isVersioned(directory)) return undefined;
  return { directory, name: match.groups['name'] ?? '', suffix: match.groups['suffix'] ?? '' };
}

interface Candidate {
  readonly fileName: string;
  readonly version: string;
  /** Boot attempts left and done; undefined where they are not counted. */
  readonly left: number | undefined;
  readonly done: number;
}

/**
 * The file name to use of those in a directory of versions: of this machine's architecture (or of none); those with
 * tries left, or without a count, first; then the highest version; then the fewest tries done.
 */
export function pickVersion(fileNames: readonly string[], name: string, suffix: string): string | undefined {
  const candidates = fileNames
    .map((fileName) => parseVersion(fileName, name, suffix))
    .filter((candidate) => candidate !== undefined);
  return candidates.sort(compareCandidates)[0]?.fileName;
}

function parseVersion(fileName: string, name: string, suffix: string): Candidate | undefined {
  if (!fileName.startsWith(`${name}_`) || !fileName.endsWith(suffix)) return undefined;
  const middle = fileName.slice(name.length + 1, fileName.length - suffix.length);
  const match = /^(?<version>.+?)(?:\+(?<left>\d+)(?:-(?<done>\d+))?)?$/.exec(middle);
  const stated = match?.groups?.['version'];
  if (match?.groups === undefined || stated === undefined) return undefined;
  const cut = stated.lastIndexOf('_');
  const last = stated.slice(cut + 1);
  const hasArchitecture = cut > 0 && isArchitecture(last);
  if (hasArchitecture && last !== hostArchitecture) return undefined;
  const { left, done } = match.groups;
  return {
    fileName,
    version: hasArchitecture ? stated.slice(0, cut) : stated,
    left: left === undefined ? undefined : Number(left),
    done: done === undefined ? 0 : Number(done),
  };
}

function compareCandidates(a: Candidate, b: Candidate): number {
  const spent = (candidate: Candidate): number => (candidate.left === 0 ? 1 : 0);
  return (
    spent(a) - spent(b) ||
    compareVersions(b.version, a.version) ||
    a.done - b.done ||
    (a.fileName < b.fileName ? -1 : 1)
  );
}
