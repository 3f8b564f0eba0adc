/** The data that a hash tree covers, every block checked before any of its bytes is handed out. */
import { quoted } from '../../base/errors.ts';
import { Pacer } from '../codec/pace.ts';
import { PageCache } from '../page-cache.ts';
import { type BlockSource, outOfRange } from '../source.ts';
import { corruptVerity } from './errors.ts';
import type { HashTree } from './hash-tree.ts';

/** Longer reads bypass the cache of checked pages, bytes. */
const longestCached = 128 * 1024;

/**
 * @param data what the tree covers, and perhaps more, which is left out
 * @returns a source that leaves `data` and the tree to the caller; its reads throw InvalidArgs naming the block that
 *   does not match its hash
 * @throws PortableError InvalidArgs when the data is shorter than what the tree covers
 */
export function verifiedSource(data: BlockSource, tree: HashTree): BlockSource {
  const { dataBlockSize, dataBlocks } = tree.parameters;
  const size = dataBlocks * BigInt(dataBlockSize);
  if (size > data.size) {
    const what = `the hash tree ${quoted(tree.name)} covers ${size} bytes, and there are only ${data.size}`;
    throw corruptVerity(data.name, what);
  }
  const pages = new PageCache(size, (offset, length) => readChecked(data, tree, offset, length));
  return {
    name: data.name,
    size,
    get bytesRead() {
      return data.bytesRead;
    },
    read(offset, length) {
      if (offset < 0n || offset + BigInt(length) > size) {
        return Promise.reject(outOfRange(this, offset, BigInt(length)));
      }
      return length > longestCached ? readChecked(data, tree, offset, length) : pages.read(offset, length);
    },
    close: () => Promise.resolve(),
  };
}

/** Reads the blocks that the range touches, and checks each. */
async function readChecked(
  data: BlockSource,
  tree: HashTree,
  offset: bigint,
  length: number,
): Promise<Buffer> {
  const { dataBlockSize, digest } = tree.parameters;
  const blockSize = BigInt(dataBlockSize);
  const first = offset / blockSize;
  const skipped = Number(offset % blockSize);
  const count = Math.ceil((skipped + length) / dataBlockSize);
  const bytes = await data.read(first * blockSize, count * dataBlockSize);
  const pacer = new Pacer();
  for (let i = 0; i < count; i++) {
    const block = bytes.subarray(i * dataBlockSize, (i + 1) * dataBlockSize);
    const index = first + BigInt(i);
    const expected = await tree.dataDigest(index);
    if (!digest.of(block).equals(expected)) {
      const where = `block ${index} of the data, at offset ${index * blockSize}`;
      throw corruptVerity(data.name, `${where}, does not match its hash in ${quoted(tree.name)}`);
    }
    await pacer.spend(dataBlockSize);
  }
  return bytes.subarray(skipped, skipped + length);
}
