/**
 * What a medium holds, told by the magic numbers of superblocks, as blkid(8) does and with its names.
 */
import { PortableError, quoted } from '../base/errors.ts';
import { type Signature, type Usage, signatures } from './probe/signatures.ts';
import type { BlockSource } from './source.ts';

/** What was recognised, in blkid's words. */
export interface Superblock {
  /** "squashfs", "ext4", "crypto_LUKS", "DM_verity_hash", "swap" … */
  readonly type: string;
  readonly usage: Usage;
}

/** Every superblock we look for is within this many bytes of the start; two pages of a file source's cache. */
const probedBytes = 128 * 1024;

/**
 * The superblock in `source`, or undefined when there is none we know. The header of a crypto container goes
 * before whatever else the bytes look like.
 *
 * @throws PortableError InvalidArgs naming them when there are several superblocks
 */
export async function probeSuperblock(source: BlockSource): Promise<Superblock | undefined> {
  const length = source.size < BigInt(probedBytes) ? Number(source.size) : probedBytes;
  const bytes = await source.read(0n, length);
  const found = signatures.flatMap((signature) => recognise(signature, bytes) ?? []);
  const container = found.find((superblock) => superblock.usage === 'crypto');
  if (container !== undefined) return container;
  if (found.length > 1) throw ambiguous(source, found);
  return found[0];
}

function recognise({ type, usage, magics }: Signature, bytes: Buffer): Superblock | undefined {
  const isThere = magics.some((magic) => {
    return magic.bytes.equals(bytes.subarray(magic.offset, magic.offset + magic.bytes.length));
  });
  if (!isThere) return undefined;
  const name = typeof type === 'string' ? type : type(bytes);
  return name === undefined ? undefined : { type: name, usage };
}

function ambiguous(source: BlockSource, found: readonly Superblock[]): PortableError {
  const names = found.map((superblock) => superblock.type).join(' and ');
  return new PortableError(
    'InvalidArgs',
    `${quoted(source.name)} is ambiguous: it has the superblocks of ${names}`,
    { file: source.name, hint: 'remove the one that does not belong there with wipefs(8)' },
  );
}
