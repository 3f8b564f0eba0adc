/** What guards a data volume: its hash tree, the root hash that it must have, and who signed that. */
import { quoted } from '../../base/errors.ts';
import type { Dissection, Volume } from '../dissect.ts';
import type { Protection } from '../image-policy.ts';
import { type Superblock, probeSuperblock } from '../probe.ts';
import type { BlockSource } from '../source.ts';
import type { CertificateStore } from './certificates.ts';
import { corruptVerity } from './errors.ts';
import { HashTree } from './hash-tree.ts';
import { type GivenSignature, type VeritySettings, openSideCar } from './settings.ts';
import { type SignatureState, checkSignature } from './signature.ts';
import { readSignaturePartition } from './signature-partition.ts';
import { verifiedSource } from './verified-source.ts';

/** How the bytes of a volume are checked. */
export interface VerityState {
  /** The hash algorithm, as the kernel names it. */
  readonly algorithm: string;
  /** Hexadecimal. */
  readonly rootHash: string;
  /** Where the root hash is from, in words. */
  readonly rootHashFrom: string;
  /** Of the signature of the root hash; undefined when there is none. */
  readonly signature: SignatureState | undefined;
}

/** A data volume as it may be read. */
export interface GuardedVolume {
  readonly source: BlockSource;
  /** What was recognised in the bytes that may be read. */
  readonly superblock: Superblock | undefined;
  readonly protection: Protection;
  readonly verity: VerityState | undefined;
}

/** What is known beyond the image itself. */
export interface GuardOptions {
  readonly settings: VeritySettings;
  readonly certificates: CertificateStore;
  /** Takes what is to be closed with the image. */
  readonly keep: (source: BlockSource) => void;
}

interface Guard {
  readonly tree: BlockSource;
  readonly rootHash: Buffer;
  readonly rootHashFrom: string;
  readonly signature: GivenSignature | undefined;
  /** The service manager will find the signature, too. */
  readonly isSigned: boolean;
}

/**
 * A root or usr volume that has a hash tree in a partition, or is a whole image that has a root hash beside it.
 *
 * @throws PortableError InvalidArgs when hash tree, root hash and signature are no good or do not belong together,
 *   AccessDenied when nobody who is trusted signed it, NotSupported naming what is not known of a hash tree; the
 *   reads of the source throw InvalidArgs for blocks that do not match their hash
 */
export async function guarded(
  dissection: Dissection,
  volume: Volume,
  options: GuardOptions,
): Promise<GuardedVolume> {
  const { source, partition } = volume;
  const guard =
    partition === undefined
      ? await besideImage(volume, options)
      : await inPartitions(dissection, volume, options);
  const { rootHash, signature } = guard;
  const state =
    signature === undefined
      ? undefined
      : await checkSignature(source.name, rootHash, signature, options.certificates);
  const tree = await HashTree.open(guard.tree, rootHash);
  const verified = verifiedSource(source, tree);
  return {
    source: verified,
    // what it looked like before was not checked
    superblock: await probeSuperblock(verified),
    protection: guard.isSigned ? 'signed' : 'verity',
    verity: {
      algorithm: tree.parameters.algorithm,
      rootHash: rootHash.toString('hex'),
      rootHashFrom: guard.rootHashFrom,
      signature: state,
    },
  };
}

/** The hash tree of an image that is one file system. */
async function besideImage({ source }: Volume, { settings, keep }: GuardOptions): Promise<Guard> {
  const { hash, tree } = settings;
  if (hash?.designator !== 'root') {
    const from = hash?.from ?? 'its root hash';
    throw corruptVerity(source.name, `${from} is for a usr partition, and the image is one file system`);
  }
  if (tree === undefined) {
    throw corruptVerity(source.name, `there is a root hash, ${hash.from}, but no hash tree beside it`);
  }
  const treeSource = await openSideCar(tree);
  keep(treeSource);
  const { signature, from } = hash;
  return {
    tree: treeSource,
    rootHash: hash.hash,
    rootHashFrom: from,
    signature,
    isSigned: signature !== undefined,
  };
}

/** The hash tree in a partition; its root hash is given, or in a signature partition, or in the partitions' UUIDs. */
async function inPartitions(
  { volumes }: Dissection,
  { designator, source, partition }: Volume,
  { settings }: GuardOptions,
): Promise<Guard> {
  const data = designator === 'usr' ? 'usr' : 'root';
  const tree = volumes.get(`${data}-verity`);
  if (tree === undefined) throw corruptVerity(source.name, 'it has no partition with a hash tree');
  const signed = volumes.get(`${data}-verity-sig`);
  const given = settings.hash?.designator === data ? settings.hash : undefined;
  const own = signed === undefined ? undefined : await readSignaturePartition(signed.source);
  if (given !== undefined && own !== undefined && !given.hash.equals(own.hash)) {
    throw corruptVerity(own.from, `its root hash is not that of ${given.from}`);
  }
  const uuids = Buffer.concat([uuidBytes(partition?.uuid), uuidBytes(tree.partition?.uuid)]);
  return {
    tree: tree.source,
    rootHash: given?.hash ?? own?.hash ?? uuids,
    rootHashFrom: given?.from ?? (own === undefined ? 'the UUIDs of its partitions' : quoted(own.from)),
    signature: given?.signature ?? own?.signature,
    // where there are partitions, the service manager looks for no signature beside the image
    isSigned: own !== undefined,
  };
}

function uuidBytes(uuid = ''): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
