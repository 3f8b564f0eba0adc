/**
 * Where verity comes between an image's bytes and the reader of its file system: the only place that decides
 * whether the bytes of a data partition are checked. How they are, is loaded when the first image needs it.
 */
import { quoted } from '../base/errors.ts';
import type { Dissection, Volume } from './dissect.ts';
import { corruptVerity } from './verity/errors.ts';
import type { GuardOptions, GuardedVolume } from './verity/guard.ts';
import type { VeritySettings } from './verity/settings.ts';

/**
 * The bytes of a volume, checked block by block where there is a hash tree for them. A hash tree beside an image
 * without a root hash proves nothing, and is passed over, as systemd does.
 *
 * @throws PortableError InvalidArgs when there is a hash tree beside a partition table; as guarded()
 */
export async function protect(
  dissection: Dissection,
  volume: Volume,
  options: GuardOptions,
): Promise<GuardedVolume> {
  const { source, superblock, partition } = volume;
  const { tree } = options.settings;
  if (partition !== undefined && tree !== undefined) {
    throw corruptVerity(source.name, `the hash tree ${quoted(tree)} is for an image without partitions`);
  }
  if (!isGuarded(dissection, volume, options.settings)) {
    return { source, superblock, protection: 'unprotected', verity: undefined };
  }
  const { guarded } = await import('./verity/guard.ts');
  return guarded(dissection, volume, options);
}

/** Only root and usr volumes are ever. */
function isGuarded({ volumes }: Dissection, volume: Volume, settings: VeritySettings): boolean {
  if (volume.designator !== 'root' && volume.designator !== 'usr') return false;
  return volume.partition === undefined
    ? settings.hash !== undefined
    : volumes.has(`${volume.designator}-verity`);
}
