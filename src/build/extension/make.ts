/** From contents to an extension: only what is merged, and the file that says what it fits. */
import type { ExtensionClass } from '../../portable/extension-release.ts';
import { inlineContent } from '../content.ts';
import type { BuildDescription } from '../description.ts';
import type { StagingTree } from '../tree.ts';
import { readBase } from './base.ts';
import { checkExtensionContents } from './contents.ts';
import { extensionReleasePath, extensionReleaseText } from './release.ts';

/** Made for the whole image; the base has its own. */
const loaderCache = '/etc/ld.so.cache';

/**
 * @param system os-release of the system that the contents come from
 * @param hasUnits whether attaching shall find units in it
 * @throws PortableError InvalidArgs for contents that would be ignored; Stale when the base would refuse it
 */
export async function makeExtension(
  tree: StagingTree,
  kind: ExtensionClass,
  description: BuildDescription,
  system: ReadonlyMap<string, string>,
  hasUnits: boolean,
): Promise<void> {
  if (kind === 'sysext') tree.remove(loaderCache);
  checkExtensionContents(tree, kind);
  const base = description.base === undefined ? undefined : await readBase(description.base);
  const identity = { ...description, class: kind, fields: description.fields ?? [] };
  const content = inlineContent(extensionReleaseText(identity, system, base, hasUnits));
  tree.put(extensionReleasePath(identity), { kind: 'file', mode: 0o644, content });
}
