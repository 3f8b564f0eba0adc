/**
 * What a portable service image must have besides its programs: "Portable Services Introduction", requirements 3 to 7.
 * A read-only image cannot get mount points later.
 */
import { defaultLimits } from '../disk/budget.ts';
import { parseOsRelease } from '../portable/os-release.ts';
import { inlineContent, wholeContent } from './content.ts';
import { osReleaseText, type ImageIdentity } from './os-release.ts';
import type { SourceRoot } from './source-root.ts';
import type { StagingTree } from './tree.ts';

/** Overmounted at run time, or needed by most programs: path and mode. */
const directories: readonly (readonly [string, number])[] = [
  ['/etc/systemd/system', 0o755],
  ['/proc', 0o755],
  ['/sys', 0o755],
  ['/dev', 0o755],
  ['/run', 0o755],
  ['/tmp', 0o1777],
  ['/var/tmp', 0o1777],
  ['/var/lib', 0o755],
  ['/var/cache', 0o755],
  ['/var/log', 0o755],
];

/** The host's versions are mounted over these. */
const emptyFiles = ['/etc/resolv.conf', '/etc/machine-id'];

/** Merged into /usr, those of other architectures where there are any: file-hierarchy(7). */
const mergedAlways = ['bin', 'sbin', 'lib', 'lib64'];
const mergedWhereFound = ['lib32', 'libx32', 'libo32'];

/**
 * /bin, /sbin, /lib and the like as symlinks into /usr, before anything is put there: a source root that has merged them
 * in its own way (both kinds of programs in one directory, say) is followed.
 */
export function mergeUsr(tree: StagingTree, source: SourceRoot): void {
  for (const name of [...mergedAlways, ...mergedWhereFound]) {
    const link = source.find(`/${name}`)?.links.find(({ path }) => path === `/${name}`);
    const exists = source.find(`/${name}`) !== undefined;
    if (!exists && !mergedAlways.includes(name)) continue;
    const ofUsr = source.find(`/usr/${name}`)?.links.find(({ path }) => path === `/usr/${name}`);
    tree.put(`/${name}`, { kind: 'symlink', target: link?.target ?? `usr/${name}` });
    if (ofUsr === undefined) tree.directory(`/usr/${name}`);
    else tree.put(ofUsr.path, { kind: 'symlink', target: ofUsr.target });
  }
}

/** The mount points and empty files, where the contents do not have them. */
export function addScaffold(tree: StagingTree): void {
  for (const [path, mode] of directories) {
    if (tree.find(path) === undefined) tree.directory(path, mode);
  }
  for (const path of emptyFiles) {
    // a symlink cannot be mounted over: it leads somewhere
    if (tree.look(path)?.node.kind === 'file') continue;
    tree.put(path, { kind: 'file', mode: 0o644, content: inlineContent('') });
  }
}

/**
 * Writes /usr/lib/os-release, with /etc/os-release leading there. The system is the one that the contents say they are,
 * else `base`.
 * @throws PortableError InvalidArgs; what reading an os-release of the contents throws
 */
export async function addOsRelease(
  tree: StagingTree,
  image: ImageIdentity,
  base: ReadonlyMap<string, string>,
): Promise<void> {
  const own = tree.find('/etc/os-release') ?? tree.find('/usr/lib/os-release');
  const said =
    own?.node.kind === 'file'
      ? parseOsRelease(await wholeContent(own.node.content, defaultLimits.osReleaseBytes))
      : base;
  const content = inlineContent(osReleaseText(image, said));
  tree.remove('/usr/lib/os-release');
  tree.put('/usr/lib/os-release', { kind: 'file', mode: 0o644, content });
  tree.put('/etc/os-release', { kind: 'symlink', target: '../usr/lib/os-release' });
}
