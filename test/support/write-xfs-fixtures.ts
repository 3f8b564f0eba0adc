/** Writes test/fixtures/xfs/*.img.gz: node --import tsx test/support/write-xfs-fixtures.ts; as root. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { withMounted } from './kernel-compare.ts';
import { addFeatures, makeXfs } from './xfs-image.ts';
import { type XfsFixture, fillXfsSample, xfsFixtures } from './xfs-sample.ts';

const options: Readonly<Record<XfsFixture, readonly string[]>> = {
  'blocks-1024': ['-m', 'rmapbt=1', '-i', 'nrext64=1'],
  'blocks-4096': [],
  old: ['-m', 'finobt=0,reflink=0,bigtime=0,inobtcount=0', '-i', 'sparse=0'],
  // parent pointers need a larger log
  parent: ['-l', 'size=12m'],
};

/** Features of the superblock that this mkfs.xfs has no options for: parent. */
const bits: Readonly<Partial<Record<XfsFixture, number>>> = { parent: 0x80 };

const scratch = mkdtempSync(join(tmpdir(), 'portabled-xfs-fixtures-'));
try {
  for (const [name, blockSize] of Object.entries(xfsFixtures) as [XfsFixture, number][]) {
    const image = join(scratch, 'image');
    makeXfs(image, 32, [
      '-b',
      `size=${blockSize}`,
      '-m',
      'uuid=5a1ec0de-0000-4000-8000-00000000000f',
      ...options[name],
    ]);
    addFeatures(image, bits[name] ?? 0);
    await withMounted(
      image,
      'xfs',
      (directory) => {
        fillXfsSample(directory, blockSize);
        return Promise.resolve();
      },
      'rw',
    );
    const bytes = readFileSync(image);
    clearLog(bytes);
    writeFileSync(join(import.meta.dirname, `../fixtures/xfs/${name}.img.gz`), gzipSync(bytes, { level: 9 }));
  }
} finally {
  rmSync(scratch, { recursive: true });
}

/** Nobody reads the log of a file system that was unmounted. */
function clearLog(bytes: Buffer): void {
  const blockSize = bytes.readUInt32BE(4);
  const [groupBlocks, logBlocks] = [bytes.readUInt32BE(84), bytes.readUInt32BE(96)];
  const address = Number(bytes.readBigUInt64BE(48));
  const bitsOfBlock = bytes.readUInt8(124);
  const block = Math.floor(address / 2 ** bitsOfBlock) * groupBlocks + (address % 2 ** bitsOfBlock);
  bytes.fill(0, block * blockSize, (block + logBlocks) * blockSize);
}
