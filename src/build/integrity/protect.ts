/**
 * From one file system to an image whose every block can be checked: with a hash tree and its signature beside it, or all
 * of them in a disk image: UAPI.2, the Discoverable Partitions Specification.
 */
import { rename, stat, writeFile } from 'node:fs/promises';
import { fileError, PortableError } from '../../base/errors.ts';
import { gptFlags } from '../../disk/partition/discoverable.ts';
import { typesByArchitecture } from '../../disk/partition/type-table.ts';
import { uuidFrom, uuidOf } from '../uuid.ts';
import { writeGpt } from './gpt.ts';
import type { NewPartition } from './gpt.ts';
import { signRootHash } from './sign.ts';
import type { Signature, Signer } from './sign.ts';
import { writeHashTree } from './verity.ts';
import type { IntegritySettings } from './verity.ts';

/** What is wanted beside the file system. */
export interface ProtectionRequest {
  readonly verity: boolean;
  readonly signer: Signer | undefined;
  readonly gpt: boolean;
}

/** As systemd-repart(8) makes them; bytes. */
const signaturePartitionBytes = 16 * 1024;

/** The names of all files that protecting NAME.raw leads to, the image first. */
export function protectedNames(identity: string, { verity, signer, gpt }: ProtectionRequest): string[] {
  const image = `${identity}.raw`;
  if (!verity) return [image];
  // without a signature, nothing in a disk image says which root hash to trust
  if (gpt) return signer === undefined ? [image, `${identity}.roothash`] : [image];
  const signature = signer === undefined ? [] : [`${identity}.roothash.p7s`];
  return [image, `${identity}.verity`, `${identity}.roothash`, ...signature];
}

/**
 * Makes the files that protectedNames gives.
 * @param directory ours; has the file system in IDENTITY.raw, which becomes the image
 * @param architecture what the programs in the image are for, as systemd names it
 * @returns the root hash, hexadecimal; undefined without verity
 * @throws PortableError NotSupported when veritysetup or openssl is missing, InvalidArgs for key and certificate;
 *   file-system errors
 */
export async function protectImage(
  directory: string,
  architecture: string,
  request: ProtectionRequest,
  settings: IntegritySettings,
): Promise<string | undefined> {
  const base = `${directory}/${settings.identity}`;
  const image = `${base}.raw`;
  const tree = `${base}.verity`;
  const rootHash = request.verity ? await writeHashTree(image, tree, settings) : undefined;
  const signature =
    rootHash === undefined || request.signer === undefined
      ? undefined
      : await signRootHash(rootHash, request.signer, `${directory}/signing`, settings);
  if (request.gpt) {
    const fileSystem = `${base}.file-system`;
    await attempt(fileSystem, () => rename(image, fileSystem));
    const partitions = await partitionsOf(fileSystem, tree, rootHash, signature, architecture, settings);
    await writeGpt(image, uuidOf(`disk ${settings.identity} ${rootHash ?? ''}`), partitions, settings.signal);
  }
  if (rootHash !== undefined)
    await attempt(`${base}.roothash`, () => writeFile(`${base}.roothash`, rootHash));
  if (signature !== undefined) {
    await attempt(`${base}.roothash.p7s`, () => writeFile(`${base}.roothash.p7s`, signature.pkcs7));
  }
  return rootHash;
}

async function partitionsOf(
  fileSystem: string,
  tree: string,
  rootHash: string | undefined,
  signature: Signature | undefined,
  architecture: string,
  { identity }: IntegritySettings,
): Promise<NewPartition[]> {
  const [rootType, verityType, signatureType] = typesOf(architecture);
  const attributes = gptFlags.readOnly;
  const label = `root-${architecture}`;
  const uuid = rootHash === undefined ? uuidOf(`root of ${identity}`) : uuidFrom(rootHash.slice(0, 32));
  const data = {
    type: rootType,
    uuid,
    label,
    attributes,
    content: fileSystem,
    size: await sizeOf(fileSystem),
  };
  if (rootHash === undefined) return [data];
  const hashes = {
    type: verityType,
    uuid: uuidFrom(rootHash.slice(32)),
    label: `${label}-verity`,
    attributes,
    content: tree,
    size: await sizeOf(tree),
  };
  if (signature === undefined) return [data, hashes];
  const content = signatureContent(rootHash, signature);
  return [
    data,
    hashes,
    {
      type: signatureType,
      uuid: uuidOf(`signature of ${rootHash} by ${signature.fingerprint}`),
      label: `${label}-verity-sig`,
      attributes,
      content,
      size: content.length,
    },
  ];
}

/** JSON, and zeros: the specification's section "Verity signature partitions". */
function signatureContent(rootHash: string, { pkcs7, fingerprint }: Signature): Buffer {
  const text = JSON.stringify({
    rootHash,
    certificateFingerprint: fingerprint,
    signature: pkcs7.toString('base64'),
  });
  return Buffer.concat(
    [Buffer.from(text)],
    Math.max(signaturePartitionBytes, Math.ceil(text.length / 4096) * 4096),
  );
}

function typesOf(architecture: string): readonly [string, string, string] {
  const row = typesByArchitecture[architecture];
  if (row !== undefined) return [row[0], row[1], row[2]];
  throw new PortableError(
    'NotSupported',
    `there are no partition types for the architecture ${architecture}`,
  );
}

async function sizeOf(file: string): Promise<number> {
  return await attempt(file, async () => (await stat(file)).size);
}

async function attempt<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, 'write', file);
  }
}
