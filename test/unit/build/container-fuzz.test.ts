/** Thousands of mutated layers and archives: whatever the bytes, the only exceptions are PortableErrors, and soon. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostArchitecture } from '../../../src/base/architecture.ts';
import { PortableError } from '../../../src/base/errors.ts';
import { applyLayer, startCounting } from '../../../src/build/oci/apply.ts';
import { filesOfArchive } from '../../../src/build/oci/files.ts';
import { LayerTree } from '../../../src/build/oci/layer-tree.ts';
import { defaultUnpackLimits } from '../../../src/build/oci/limits.ts';
import { readManifest } from '../../../src/build/oci/manifest.ts';
import { platformOf } from '../../../src/build/oci/platform.ts';
import { StagingTree } from '../../../src/build/tree.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { mutate } from '../../fuzz/mutate.ts';
import type { BaseImage } from '../../fuzz/mutate.ts';
import { archiveOf, dockerFiles, ociFiles } from '../../support/container-image.ts';
import { Random } from '../../support/random.ts';
import { processorMs } from '../../support/scratch.ts';
import { repairChecksum, tarArchive } from '../../support/tar-archive.ts';
import type { Entry } from '../../support/tar-archive.ts';

const cases = 2000;
/** Processor time of one case. */
const maxMs = 1000;
const readBytes = 64 * 1024;

const entries: readonly Entry[] = [
  { path: 'usr/', type: '5' },
  { path: 'usr/lib/a', content: 'x'.repeat(700), pax: { 'SCHILY.xattr.user.x': Buffer.from([1, 255, 0]) } },
  { path: 'lib', type: '2', target: 'usr/lib' },
  { path: 'lib/b', type: '1', target: 'usr/lib/a' },
  { path: 'up', type: '2', target: './usr/./lib/..' },
  { path: 'up/c', content: 'c', uid: 999, mode: 0o4755 },
  { path: '.wh.gone', content: '' },
  { path: 'usr/lib/.wh..wh..opq' },
  { path: 'x', pax: { path: `long/${'n'.repeat(120)}`, linkpath: 'y', size: '3' }, content: 'abc' },
  { path: 'holes', content: 'xyz', pax: { 'GNU.sparse.size': '5000', 'GNU.sparse.map': '0,1,4000,2' } },
  {
    path: './GNUSparseFile.0/s',
    content: `2\n0\n2\n900\n2\n${'\0'.repeat(501)}abcd`,
    pax: {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 's',
      'GNU.sparse.realsize': '1000',
    },
  },
  { path: 'dev/null', type: '3' },
  { path: '././@LongLink', type: 'L', content: `${'l'.repeat(150)}\0` },
  { path: 'short', content: 'long name' },
];

/** An image whose headers are hot, and where they are. */
function base(name: string, bytes: Buffer): BaseImage & { readonly headers: readonly number[] } {
  const headers: number[] = [];
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString('latin1', at + 257, at + 262) === 'ustar') headers.push(at);
  }
  return { name, bytes, hot: headers.map((at) => [at, at + 700] as const), headers };
}

/** A mutated copy; mostly with checksums that are right, or hardly anything would get further than to them. */
function mutated(image: ReturnType<typeof base>, random: Random): Buffer {
  const bytes = mutate(image, random);
  if (random.below(8) !== 0) {
    for (const at of image.headers)
      if (at + 512 <= bytes.length) repairChecksum(bytes.subarray(at, at + 512));
  }
  return bytes;
}

async function fuzz(
  image: ReturnType<typeof base>,
  read: (bytes: Buffer) => Promise<void>,
): Promise<{ read: number; refused: number }> {
  const counts = { read: 0, refused: 0 };
  for (let n = 0; n < cases; n++) {
    const bytes = mutated(image, new Random(n));
    const start = processorMs();
    try {
      await read(bytes);
      counts.read++;
    } catch (error) {
      if (!(error instanceof PortableError)) throw new Error(`case ${n}`, { cause: error });
      counts.refused++;
    }
    assert.ok(processorMs() - start < maxMs, `case ${n} took ${processorMs() - start} ms`);
  }
  return counts;
}

/** Everything in the tree is what a writer may get. */
async function checkTree(tree: StagingTree): Promise<void> {
  for (const { path, node } of tree.walk()) {
    const name = path.slice(path.lastIndexOf('/') + 1);
    assert.ok(!['', '.', '..'].includes(name) && !path.includes('\0') && path.split('/').length < 300, path);
    if (node.kind === 'symlink') assert.ok(node.target !== '' && !node.target.includes('\0'));
    if (node.kind !== 'file') continue;
    const opened = await node.content.open();
    for (const offset of [0, Math.max(0, node.content.size - readBytes)]) {
      const bytes = await opened.read(offset, readBytes);
      assert.equal(bytes.length, Math.min(readBytes, node.content.size - offset), path);
    }
    await opened.close();
  }
}

describe('mutated container images do no harm', () => {
  it('layers', async () => {
    const limits = { ...defaultUnpackLimits, totalBytes: 1 << 30 };
    const lower = tarArchive([{ path: 'gone' }, { path: 'usr/lib/old' }, { path: 'usr/lib/x/y' }]);
    const counts = await fuzz(base('layer', tarArchive(entries)), async (bytes) => {
      const tree = new StagingTree();
      const layers = new LayerTree(tree);
      const left = startCounting(limits);
      try {
        await applyLayer(layers, memorySource(lower, 'lower'), left);
        await applyLayer(layers, memorySource(bytes, 'layer'), left);
      } finally {
        await checkTree(tree);
      }
    });
    assert.ok(counts.read > cases / 10 && counts.refused > cases / 10, JSON.stringify(counts));
  });

  const image = {
    layers: [tarArchive(entries.slice(0, 2))],
    reference: 'demo:1',
    config: { Cmd: ['/x'], Env: ['A=1'], User: 'a' },
  };
  const archives = { 'OCI layouts': ociFiles([image]), 'docker archives': dockerFiles([image]) };
  for (const [name, files] of Object.entries(archives)) {
    it(name, async () => {
      const platform = platformOf(hostArchitecture);
      const counts = await fuzz(base(name, archiveOf(files)), async (bytes) => {
        const opened = await filesOfArchive(memorySource(bytes, 'archive'));
        const { layers } = await readManifest(opened, { platform });
        for (const { file } of layers) {
          const layer = await opened.open(file);
          await layer?.read(0n, Number(layer.size));
        }
        await opened.close();
      });
      assert.ok(counts.read > cases / 20 && counts.refused > cases / 10, JSON.stringify(counts));
    });
  }
});
