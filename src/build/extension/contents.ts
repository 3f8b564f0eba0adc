/** What an extension may have in it: systemd-sysext(8). */
import { PortableError } from '../../base/errors.ts';
import type { ExtensionClass } from '../../portable/extension-release.ts';
import type { StagingTree } from '../tree.ts';

/** The hierarchies that are laid over the base's. */
const hierarchies: Readonly<Record<ExtensionClass, readonly string[]>> = {
  sysext: ['usr', 'opt'],
  confext: ['etc'],
};

/** Of the base: an extension that had it would change which system it is. */
const releases = ['/usr/lib/os-release', '/etc/os-release', '/etc/initrd-release', '/usr/lib/initrd-release'];

/** Errors name as many. */
const named = 5;

/**
 * Takes away what only a whole system needs (links like /bin, empty directories), and refuses what would be ignored.
 * @throws PortableError InvalidArgs naming what is elsewhere than below the hierarchies that are merged
 */
export function checkExtensionContents(tree: StagingTree, kind: ExtensionClass): void {
  const allowed = hierarchies[kind];
  for (const [name, node] of tree.root.entries) {
    if (!allowed.includes(name) && node.kind === 'symlink') tree.root.entries.delete(name);
  }
  prune(tree.root.entries);
  const outside = [...tree.walk()]
    .filter(({ path, node }) => node.kind !== 'directory' && !allowed.includes(path.split('/')[1] ?? ''))
    .map(({ path }) => path);
  if (outside.length > 0) {
    const more = outside.length > named ? ` and ${outside.length - named} more` : '';
    throw new PortableError(
      'InvalidArgs',
      `a ${kind} has only /${allowed.join(' and /')} in it, not ${outside.slice(0, named).join(', ')}${more}`,
      {
        hint:
          kind === 'sysext' ? 'give a destination: SRC:/usr/…' : 'programs and libraries go into a sysext',
      },
    );
  }
  const release = releases.find((path) => tree.look(path) !== undefined);
  if (release === undefined) return;
  throw new PortableError(
    'InvalidArgs',
    `a ${kind} must not have ${release}: it says which system the base is`,
  );
}

/** Takes away directories with nothing in them. */
function prune(entries: StagingTree['root']['entries']): void {
  for (const [name, node] of entries) {
    if (node.kind !== 'directory') continue;
    prune(node.entries);
    if (node.entries.size === 0) entries.delete(name);
  }
}
