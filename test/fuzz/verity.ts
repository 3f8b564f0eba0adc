/**
 * Fuzz target: hash trees, signature partitions and signatures. Beyond what holds for every reader: whatever is
 * changed, no byte is read that was not there before, and no signature is valid but that of the hash that was signed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortableError } from '../../src/base/errors.ts';
import { type BlockSource, memorySource } from '../../src/disk/source.ts';
import { openSquashfs } from '../../src/disk/squashfs/index.ts';
import { HashTree } from '../../src/disk/verity/hash-tree.ts';
import { readSignaturePartition } from '../../src/disk/verity/signature-partition.ts';
import { checkSignature } from '../../src/disk/verity/signature.ts';
import { verifiedSource } from '../../src/disk/verity/verified-source.ts';
import { type TreeOptions, makeHashTree } from '../support/verity.ts';
import { tinySquashfs } from './dissect.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

const fixtures = join(import.meta.dirname, '../fixtures/verity');

/** Two certificates, and signatures by them of one root hash. */
const certificates = { root: '/', directories: [fixtures] };
const signedHash = '3b'.repeat(32);

/** Every base image: the lengths of these parts, 4 bytes each, and the parts. */
type Part = 'rootHash' | 'data' | 'tree' | 'signature';
const parts: readonly Part[] = ['rootHash', 'data', 'tree', 'signature'];

/** Root hash → the data, unchanged. */
const originals = new Map<string, Buffer>();

export const verityTarget: FuzzTarget = {
  name: 'verity',
  images,
  async open(source, budget) {
    const found = unpack(await source.read(0n, Number(source.size)));
    await tolerate(() => readSignature(found.signature));
    const rootHash = Buffer.from(found.rootHash);
    const tree = await HashTree.open(memorySource(found.tree, 'tree'), rootHash);
    const verified = verifiedSource(memorySource(found.data, 'data'), tree);
    return openSquashfs(compared(verified, originals.get(rootHash.toString('hex'))), budget);
  },
};

async function images(): Promise<readonly BaseImage[]> {
  const content = await tinySquashfs();
  // enough for three levels of small hash blocks
  const data = Buffer.concat([content, Buffer.alloc(300 * 512)]).subarray(0, 300 * 512);
  const small: TreeOptions = { dataBlockSize: 512, hashBlockSize: 512, salt: 'a5'.repeat(32) };
  return [
    pack('sha256', data, small, 'plain'),
    pack('sha512, no salt', data, { ...small, hash: 'sha512', salt: '-' }, 'attributes'),
    pack('sha1', data, { ...small, hash: 'sha1', dataBlockSize: 4096 }, 'indefinite'),
    pack('of Chrome OS', data, { ...small, format: 0, hash: 'sha384' }, 'ec'),
    pack('usual blocks', data, { salt: 'a5'.repeat(32) }, 'plain'),
    pack('one block', data.subarray(0, 4096), { salt: '-' }, 'ec'),
  ];
}

function pack(name: string, data: Buffer, options: TreeOptions, signature: string): BaseImage {
  const directory = mkdtempSync(join(tmpdir(), 'portabled-fuzz-'));
  try {
    writeFileSync(join(directory, 'data'), data);
    const hash = makeHashTree(join(directory, 'data'), join(directory, 'tree'), options);
    originals.set(hash, data);
    const tree = readFileSync(join(directory, 'tree'));
    tree.fill(0, 16, 32); // a UUID is made up every time
    const json = Buffer.concat([readFileSync(join(fixtures, `${signature}.json`)), Buffer.alloc(64)]);
    const contents: Readonly<Record<Part, Buffer>> = {
      rootHash: Buffer.from(hash, 'hex'),
      data,
      tree,
      signature: json,
    };
    const header = Buffer.alloc(4 * parts.length);
    for (const [i, part] of parts.entries()) header.writeUInt32LE(contents[part].length, 4 * i);
    const bytes = Buffer.concat([header, ...parts.map((part) => contents[part])]);
    const treeAt = bytes.length - json.length - tree.length;
    const jsonAt = bytes.length - json.length;
    return {
      name,
      bytes,
      hot: [
        [treeAt, treeAt + 128],
        [treeAt + 512, jsonAt],
        [jsonAt, bytes.length],
        [jsonAt, bytes.length],
      ],
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Never fails: lengths that are too long are cut. */
function unpack(bytes: Buffer): Readonly<Record<Part, Buffer>> {
  let at = 4 * parts.length;
  const found = parts.map((part, i): [Part, Buffer] => {
    const length = bytes.length < 4 * i + 4 ? 0 : bytes.readUInt32LE(4 * i);
    const content = bytes.subarray(at, at + length);
    at += content.length;
    return [part, content];
  });
  return Object.fromEntries(found) as Record<Part, Buffer>;
}

async function readSignature(json: Buffer): Promise<void> {
  const { hash, signature } = await readSignaturePartition(memorySource(json, 'signature'));
  const state = await checkSignature('data', hash, signature, certificates);
  if (state !== 'valid') throw new Error(`promise broken: the signature is ${state}`);
  if (hash.toString('hex') !== signedHash) throw new Error('promise broken: a hash is signed that was not');
}

/** What is refused here does not keep the hash tree from being looked at. */
async function tolerate(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof PortableError)) throw error;
  }
}

/** Fails when a byte is read that is not the original's. */
function compared(source: BlockSource, original: Buffer | undefined): BlockSource {
  return {
    name: source.name,
    size: source.size,
    get bytesRead() {
      return source.bytesRead;
    },
    async read(offset, length) {
      const bytes = await source.read(offset, length);
      const from = Number(offset);
      if (original?.subarray(from, from + length).equals(bytes) !== true) {
        throw new Error(`promise broken: ${length} bytes at ${from} are not the original's`);
      }
      return bytes;
    },
    close: () => source.close(),
  };
}
