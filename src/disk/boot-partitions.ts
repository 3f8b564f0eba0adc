/**
 * Where the service manager mounts the partitions of boot loaders, which it does whenever an image has any: found out by
 * trying it with systemd 252, 257 and 262. Nothing of them is ever looked into here.
 */
import type { Budget } from './budget.ts';
import type { Volume } from './dissect.ts';
import { probeSuperblock } from './probe.ts';
import type { FileTree } from './tree.ts';
import { resolve } from './walk.ts';

export interface BootPartition {
  readonly designator: 'esp' | 'xbootldr';
  readonly number: number | undefined;
  /** What it is mounted on. */
  readonly at: '/efi' | '/boot';
  readonly hasDirectory: boolean;
  /** What is really in it; undefined for nothing that is known. */
  readonly fileSystem: string | undefined;
}

/**
 * The partitions of boot loaders that are mounted.
 * @param root the file system that they are mounted on; where there is none, one in memory has whatever is needed
 * @throws PortableError what the reader of `root` throws
 */
export async function bootPartitions(
  root: FileTree | undefined,
  volumes: readonly Volume[],
  budget: Budget,
): Promise<readonly BootPartition[]> {
  const esp = volumes.find(({ designator }) => designator === 'esp');
  const xbootldr = volumes.find(({ designator }) => designator === 'xbootldr');
  if (root === undefined || (esp ?? xbootldr) === undefined) return [];
  const [boot, efi] = [await look(root, '/boot', budget), await look(root, '/efi', budget)];
  const found: BootPartition[] = [];
  const add = async (volume: Volume, at: BootPartition['at'], hasDirectory: boolean): Promise<void> => {
    const { partition, source } = volume;
    const fileSystem = (await probeSuperblock(source))?.type;
    const designator = volume.designator === 'esp' ? 'esp' : 'xbootldr';
    found.push({ designator, number: partition?.number, at, hasDirectory, fileSystem });
  };
  // a directory with something in it is the image's own /boot
  if (xbootldr !== undefined && boot !== 'full') await add(xbootldr, '/boot', boot === 'empty');
  if (esp !== undefined && efi !== 'none') await add(esp, '/efi', true);
  else if (esp !== undefined && boot === 'empty') await add(esp, '/boot', true);
  else if (esp !== undefined) await add(esp, '/efi', false);
  return found;
}

async function look(root: FileTree, path: string, budget: Budget): Promise<'none' | 'empty' | 'full'> {
  const found = await resolve(root, path, budget, { follow: true });
  try {
    if (found?.node.stat.kind !== 'directory') return 'none';
    const entries = found.node.entries()[Symbol.asyncIterator]();
    const isEmpty = (await entries.next()).done === true;
    await entries.return?.();
    return isEmpty ? 'empty' : 'full';
  } finally {
    await found?.node.close();
  }
}
