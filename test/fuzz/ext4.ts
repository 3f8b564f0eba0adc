/** Base images for the ext2/3/4 reader: small, with one of everything; most without checksums, which end a case early. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExt } from '../../src/disk/ext4/index.ts';
import { type SampleOptions, makeSample, sampleFiles } from '../support/ext-sample.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

/** In all of them, so that nothing depends on the machine's mke2fs.conf. */
const common = 'none,filetype,sparse_super,ext_attr';

const bases: Readonly<Record<string, SampleOptions>> = {
  'ext2, indexed': {
    type: 'ext2',
    size: '110K',
    blockSize: 1024,
    inodeSize: 128,
    inodes: 72,
    many: 40,
    features: `${common},dir_index`,
    indexed: true,
  },
  'extents, indexed, large attributes': {
    size: '120K',
    blockSize: 1024,
    inodeSize: 256,
    inodes: 72,
    many: 40,
    features: `${common},dir_index,extent,64bit,flex_bg,extra_isize,ea_inode,large_dir,huge_file`,
    indexed: true,
  },
  'inline data': {
    size: '120K',
    blockSize: 1024,
    inodeSize: 256,
    inodes: 40,
    many: 8,
    features: `${common},extent,extra_isize,inline_data`,
  },
  'meta_bg, bigalloc': {
    size: '300K',
    blockSize: 1024,
    inodeSize: 256,
    inodes: 40,
    many: 12,
    features: `${common},extent,extra_isize,meta_bg,bigalloc,64bit`,
    more: ['-C', '2048'],
  },
  'blocks of 4096, no file types': {
    size: '240K',
    blockSize: 4096,
    inodeSize: 512,
    inodes: 40,
    many: 12,
    features: 'none,sparse_super,ext_attr,extent,extra_isize',
  },
  'checksums of everything': {
    size: '140K',
    blockSize: 1024,
    inodeSize: 256,
    inodes: 72,
    many: 40,
    features: `${common},dir_index,extent,64bit,extra_isize,metadata_csum,inline_data,ea_inode`,
    indexed: true,
  },
};

export const ext4Target: FuzzTarget = { name: 'ext4', images: makeImages, open: openExt };

async function makeImages(): Promise<BaseImage[]> {
  const directory = await mkdtemp(join(tmpdir(), 'portabled-fuzz-ext4-'));
  try {
    const images: BaseImage[] = [];
    for (const [name, options] of Object.entries(bases)) {
      const file = join(directory, 'image');
      await makeSample(file, options);
      const bytes = await readFile(file);
      images.push({ name, bytes, hot: structures(bytes, options) });
      await rm(file);
    }
    return images;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Everything that is in use and not the content of a file, in pieces of the size of an inode; the superblock some times more. */
function structures(bytes: Buffer, options: SampleOptions): (readonly [number, number])[] {
  const piece = 256;
  const contents = [...sampleFiles(options.blockSize ?? 4096, options.many).values()].filter((file) =>
    Buffer.isBuffer(file),
  );
  const superblock = [1024, 1024 + 0x170] as const;
  const ranges: (readonly [number, number])[] = [superblock, superblock, superblock];
  for (let start = 1024; start + piece <= bytes.length; start += piece) {
    const part = bytes.subarray(start, start + piece);
    if (part.every((byte) => byte === 0) || contents.some((content) => content.includes(part))) continue;
    ranges.push([start, start + piece]);
  }
  return ranges;
}
