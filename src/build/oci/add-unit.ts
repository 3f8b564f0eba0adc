/** The unit file of a service that comes as a container image. */
import { inlineContent } from '../content.ts';
import type { StagingTree } from '../tree.ts';
import type { ContainerConfig } from './config.ts';
import { unitOfContainer } from './unit.ts';

/**
 * Puts NAME.service into the tree, and the directories that it needs.
 * @throws PortableError InvalidArgs as unitOfContainer
 */
export async function addContainerUnit(
  tree: StagingTree,
  config: ContainerConfig,
  service: { readonly name: string; readonly description?: string },
): Promise<void> {
  const { text, directories } = await unitOfContainer(tree, config, service);
  for (const directory of directories) tree.directory(directory);
  const unit = `/etc/systemd/system/${service.name}.service`;
  tree.put(unit, { kind: 'file', mode: 0o644, content: inlineContent(text) });
}
