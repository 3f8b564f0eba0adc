/** The steps that take an attachment off the host again (spec "Attaching", Detach). */
import { dropInName, profileLinkName } from './drop-in.ts';
import type { AttachedUnit } from './attachments.ts';
import type { Step } from '../transaction/steps.ts';

/**
 * Steps that remove attached units: each unit before its drop-ins, then the links, then their directory if it is empty.
 * Foreign files in a drop-in directory stay, and their directory with them.
 * @param links what the attachment made in the directory of image links (ownedLinks)
 */
export function planRemoval(
  units: readonly AttachedUnit[],
  links: ReadonlySet<string>,
  linkDirectory: string,
): readonly Step[] {
  return [
    ...units.flatMap(removeUnit),
    ...removeLinks(links),
    ...(links.size > 0 && linkDirectory.startsWith('/run/')
      ? [{ kind: 'rmdir', path: linkDirectory } as const]
      : []),
    ...removeDirectories(units),
  ];
}

/** Steps that remove the directories that attached units are in, where nothing is left in them. */
export function removeDirectories(units: readonly AttachedUnit[]): readonly Step[] {
  const directories = new Set(units.map(({ directory }) => directory));
  return [...directories].map((path) => ({ kind: 'rmdir', path }) as const);
}

/** Steps that remove one attached unit. */
export function removeUnit({ directory, unit }: AttachedUnit): readonly Step[] {
  const dropIns = `${directory}/${unit}.d`;
  return [
    { kind: 'unlink', path: `${directory}/${unit}` },
    { kind: 'unlink', path: `${dropIns}/${profileLinkName}` },
    { kind: 'unlink', path: `${dropIns}/${dropInName}` },
    { kind: 'rmdir', path: dropIns },
  ];
}

/** Steps that remove image links and copies. */
export function removeLinks(links: Iterable<string>): readonly Step[] {
  return [...links].map((path) => ({ kind: 'unlink', path, recursive: true }) as const);
}
