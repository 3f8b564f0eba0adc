/** Hash trees, signatures and partitions of verity images, made with the field's tools (veritysetup, openssl, sfdisk). */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DiskPart, writeDisk } from './disk-images.ts';
import { types } from './partition-tables.ts';
import { runSync } from './run.ts';

/** As `veritysetup format` takes them; its defaults are sha256, 4096, 4096 and a random salt. */
export interface TreeOptions {
  readonly hash?: string;
  readonly dataBlockSize?: number;
  readonly hashBlockSize?: number;
  /** Hexadecimal; "-" is none. */
  readonly salt?: string;
  /** 0 is that of Chrome OS. */
  readonly format?: 0 | 1;
  /** Data blocks to cover; default: all that are whole. */
  readonly dataBlocks?: number;
  /** Where in `tree` the superblock goes, bytes. */
  readonly hashOffset?: number;
  readonly superblock?: boolean;
}

/** Writes the hash tree of the file `data` to the file `tree`. @returns the root hash, hexadecimal */
export function makeHashTree(data: string, tree: string, options: TreeOptions = {}): string {
  const { hash, dataBlockSize, hashBlockSize, salt, format, dataBlocks, hashOffset, superblock } = options;
  const option = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`--${name}=${value}`];
  const said = runSync('veritysetup', [
    'format',
    data,
    tree,
    ...option('hash', hash),
    ...option('data-block-size', dataBlockSize),
    ...option('hash-block-size', hashBlockSize),
    ...option('salt', salt),
    ...option('format', format),
    ...option('data-blocks', dataBlocks),
    ...option('hash-offset', hashOffset),
    ...(superblock === false ? ['--no-superblock'] : []),
  ]);
  const rootHash = /^Root hash:\s*([0-9a-f]+)$/m.exec(said)?.[1];
  if (rootHash === undefined) throw new Error(`veritysetup said ${said}`);
  return rootHash;
}

/** A self-signed certificate and its key, in files. */
export interface Signer {
  readonly certificate: string;
  readonly key: string;
}

/** @param algorithm as `openssl req -newkey` takes it */
export function makeSigner(
  directory: string,
  name: string,
  options: { readonly algorithm?: readonly string[]; readonly expired?: boolean } = {},
): Signer {
  const [certificate, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const { algorithm = ['rsa:2048'], expired = false } = options;
  const request = ['-nodes', '-batch', '-subj', `/CN=${name}`, '-newkey', ...algorithm, '-keyout', key];
  runSync('openssl', ['req', '-new', ...request, '-out', certificate]);
  const signed = runSync('openssl', [
    ...['x509', '-req', '-in', certificate, '-signkey', key],
    // one that is over as soon as it began
    ...['-days', expired ? '0' : '3650'],
  ]);
  writeFileSync(certificate, signed);
  return { certificate, key };
}

/**
 * A detached PKCS#7 signature of a root hash, in DER, as mkosi and systemd-repart make it (without attributes).
 * @param more further options of `openssl smime -sign`
 */
export function signRootHash(
  rootHash: string,
  { certificate, key }: Signer,
  more: readonly string[] = ['-noattr', '-nocerts'],
): Buffer {
  const [content, signature] = [`${key}.content`, `${key}.p7s`];
  writeFileSync(content, rootHash);
  const signer = ['-signer', certificate, '-inkey', key];
  const files = ['-in', content, '-out', signature, '-outform', 'der'];
  runSync('openssl', ['smime', '-sign', '-binary', ...more, ...signer, ...files]);
  return readFileSync(signature);
}

/** The content of a signature partition (Discoverable Partitions Specification). */
export function signatureJson(rootHash: string, signature: Buffer, signer: Signer): string {
  const { fingerprint256 } = new X509Certificate(readFileSync(signer.certificate));
  return JSON.stringify({
    rootHash,
    certificateFingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
    signature: signature.toString('base64'),
  });
}

/** The two halves of a root hash, as UUIDs of the data partition and of the hash tree's. */
export function hashUuids(rootHash: string): readonly [data: string, tree: string] {
  const uuid = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return [uuid(rootHash.slice(0, 32)), uuid(rootHash.slice(-32))];
}

export interface VerityDisk {
  readonly data: string;
  readonly tree: string;
  readonly rootHash: string;
  readonly signature?: string;
  /** Default: root. */
  readonly usr?: boolean;
  /** sfdisk's attributes of each partition: ["GUID:60", …]. */
  readonly attributes?: readonly [
    data?: string | undefined,
    tree?: string | undefined,
    signature?: string | undefined,
  ];
  /** Partition UUIDs that are not the root hash's. */
  readonly otherUuids?: boolean;
  readonly more?: readonly DiskPart[];
}

/** A GPT with a data partition, its hash tree, and what signs it; the content of each is a file. */
export function writeVerityDisk(file: string, disk: VerityDisk): void {
  const [dataUuid, treeUuid] = hashUuids(disk.rootHash);
  const type = disk.usr === true ? 'usr' : 'root';
  const part = (
    suffix: '' | 'Verity' | 'Signature',
    content: string,
    uuid: string | undefined,
    attributes: string | undefined,
  ): DiskPart => ({
    type: types[`${type}${suffix}`],
    content,
    mebibytes: Math.max(1, Math.ceil(statSync(content).size / 1024 / 1024)),
    ...(uuid === undefined ? {} : { uuid }),
    ...(attributes === undefined ? {} : { attributes }),
  });
  const [ofData, ofTree, ofSignature] = disk.attributes ?? [];
  const named = disk.otherUuids !== true;
  writeDisk(file, {
    label: 'gpt',
    parts: [
      part('', disk.data, named ? dataUuid : undefined, ofData),
      part('Verity', disk.tree, named ? treeUuid : undefined, ofTree),
      ...(disk.signature === undefined ? [] : [part('Signature', disk.signature, undefined, ofSignature)]),
      ...(disk.more ?? []),
    ],
  });
}
