/** Container images in every form they come in, read whole; damaged and hostile ones, refused without a trace. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { execFileSync } from 'node:child_process';
import { buildImage } from '../../../src/build/build.ts';
import type { BuildDescription } from '../../../src/build/description.ts';
import { Budget } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import {
  archiveOf,
  dockerFiles,
  gzip,
  hostPlatform,
  ociFiles,
  sha256,
  writeFiles,
} from '../../support/container-image.ts';
import type { Compress, Image } from '../../support/container-image.ts';
import { failsWith } from '../../support/fails-with.ts';
import { listTree, textAt } from '../../support/list-tree.ts';
import { openDescriptors, scratchDirectory } from '../../support/scratch.ts';
import { tarArchive } from '../../support/tar-archive.ts';

const scratch = scratchDirectory('container');
let outputs = 0;

const plain: Compress = (layer) => layer;
const zstd: Compress = (layer) => execFileSync('zstd', ['-q', '-c'], { input: layer });

/** Without root, mksquashfs before 4.6 knows no owners. */
const owner = process.geteuid?.() === 0 ? { uid: 123, gid: 456 } : { uid: 0, gid: 0 };

const layers = [
  tarArchive([
    { path: 'bin/', type: '5' },
    { path: 'bin/demod', content: 'x'.repeat(100_000), mode: 0o4755 },
    { path: 'bin/other', type: '1', target: 'bin/demod' },
    { path: 'etc/passwd', content: 'root:x:0:0::/:/bin/sh\ndemo:x:123:456::/:/bin/sh\n' },
    { path: 'etc/os-release', content: 'ID=tiny\nVERSION_ID=3\n' },
    { path: 'etc/resolv.conf', type: '2', target: '/nowhere' },
    { path: 'gone', content: 'gone' },
  ]),
  tarArchive([{ path: '.wh.gone' }, { path: 'srv/data', content: 'data', ...owner, mode: 0o600 }]),
];
const image: Image = {
  layers,
  config: { Cmd: ['demod', '--fast'], User: 'demo', Env: ['PATH=/bin', 'GREETING=100% "sure"'] },
};

const description = { name: 'demo', version: '1', compression: 'gzip' } as const;

async function build(container: string, more: Partial<BuildDescription> = {}) {
  const outputDirectory = path.join(scratch, `out-${++outputs}`);
  mkdirSync(outputDirectory);
  try {
    return await buildImage(
      { ...description, container, ...more },
      { outputDirectory, searchPath: process.env['PATH'] ?? '' },
    );
  } catch (error) {
    assert.deepEqual(readdirSync(outputDirectory), [], 'nothing is left of a failed build');
    throw error;
  }
}

/** A path, new each time. */
function place(): string {
  return path.join(scratch, `container-${++outputs}`);
}

function layout(images: readonly Image[] = [image], compress: Compress = gzip): string {
  const directory = place();
  writeFiles(directory, ociFiles(images, compress));
  return directory;
}

function archive(files: Parameters<typeof archiveOf>[0]): string {
  const file = place();
  writeFileSync(file, archiveOf(files));
  return file;
}

/** What is in the image that was built, but for directories. */
async function listing(file: string, type: 'raw' | 'directory' = 'raw'): Promise<string[]> {
  const opened = await openImage({ path: file, type }, new Budget(file));
  try {
    const listed = await listTree(opened.tree);
    return listed
      .filter(({ stat }) => stat.kind !== 'directory')
      .map(({ line, stat }) => `${line} ${stat.uid}:${stat.gid}`);
  } finally {
    await opened.close();
  }
}

async function textIn(file: string, inside: string): Promise<string> {
  const opened = await openImage({ path: file, type: 'raw' }, new Budget(file));
  try {
    return await textAt(opened.tree, inside);
  } finally {
    await opened.close();
  }
}

describe('container images', () => {
  const expected = [
    'bin/demod 4755 100000 0:0',
    'bin/other 4755 100000 0:0',
    'etc/machine-id 644 0 0:0',
    'etc/os-release -> ../usr/lib/os-release 0:0',
    'etc/passwd 644 48 0:0',
    'etc/resolv.conf 644 0 0:0',
    `srv/data 600 4 ${owner.uid}:${owner.gid}`,
  ];
  const forms: Readonly<Record<string, () => string>> = {
    'an OCI layout, gzip': () => layout(),
    'an OCI layout, zstd': () => layout([image], zstd),
    'an OCI layout, not compressed': () => layout([image], plain),
    'an archive of an OCI layout': () => archive(ociFiles([image])),
    'what docker save writes': () => archive(dockerFiles([image])),
    'what docker save writes, with a layer twice': () =>
      archive(dockerFiles([{ ...image, layers: [layers[1]!, ...layers, layers[1]!] }])),
    'what docker save writes since version 25': () =>
      archive(new Map([...dockerFiles([image]), ...ociFiles([image])])),
  };
  for (const [name, make] of Object.entries(forms)) {
    it(name, async () => {
      const before = openDescriptors();
      const {
        outputs: [file = ''],
        units,
      } = await build(make());
      const found = await listing(file);
      assert.deepEqual(
        found.filter((line) => !/^usr\/lib\/os-release|demo\.service/.test(line)),
        expected,
      );
      assert.deepEqual(units, ['demo.service']);
      assert.match(await textIn(file, '/usr/lib/os-release'), /^ID=tiny\n[^]*PORTABLE_PREFIXES=demo\n/m);
      assert.match(
        await textIn(file, '/etc/systemd/system/demo.service'),
        /^ExecStart=\/bin\/demod --fast$/m,
      );
      // fewer, where something of the process's start was open before
      assert.ok(openDescriptors() <= before, 'everything is closed');
    });
  }

  it('keep owners and modes in every format', async () => {
    const container = layout();
    for (const format of ['erofs', 'directory'] as const) {
      const { outputs: made } = await build(container, { format, compression: 'none' });
      const found = await listing(made[0] ?? '', format === 'directory' ? 'directory' : 'raw');
      // what would be root's in a directory belongs to whoever makes it
      const own = format === 'directory' ? `${process.geteuid?.()}:${process.getegid?.()}` : '0:0';
      assert.deepEqual(
        found.filter((line) => !/^usr\/lib\/os-release|demo\.service/.test(line)),
        expected.map((line) => line.replace(/ 0:0$/, ` ${own}`)),
        format,
      );
    }
  });

  it('keep extended attributes in a directory, whatever the files are called', async () => {
    const names = ['srv/plain', 'srv/a\nb\\c = d', 'srv/\u00fc'];
    const pax = { 'SCHILY.xattr.user.x': Buffer.from([0, 10, 0xff]), 'SCHILY.xattr.user.y\\z': 'yes' };
    const files = names.map((name) => ({ path: name, content: 'x', pax }));
    const container = layout([{ ...image, layers: [...layers, tarArchive(files)] }]);
    const { outputs: made } = await build(container, { format: 'directory' });
    for (const name of names) {
      const value = (attribute: string): Buffer =>
        execFileSync('getfattr', ['--only-values', '-n', attribute, path.join(made[0] ?? '', name)], {
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      assert.deepEqual(value('user.x'), Buffer.from([0, 10, 0xff]));
      assert.equal(value('user.y\\z').toString(), 'yes');
    }
  });

  it('become the same bytes each time', async () => {
    const container = layout();
    assert.equal((await build(container)).sha256, (await build(container)).sha256);
  });

  it('take a unit that is given instead', async () => {
    const unit = path.join(scratch, 'demo-own.service');
    writeFileSync(unit, '[Service]\nExecStart=/bin/demod\n');
    const { units } = await build(layout([{ layers }]), { units: [unit] });
    assert.deepEqual(units, ['demo-own.service']);
  });

  it('of several platforms: the one for this machine, or the one asked for', async () => {
    const foreign = { os: 'linux', architecture: 's390x' };
    const other = { ...image, platform: foreign, layers: [...layers, tarArchive([{ path: 'foreign' }])] };
    const both = layout([other, { ...image, platform: hostPlatform }]);
    const has = async (more: Partial<BuildDescription>) =>
      (await listing((await build(both, more)).outputs[0] ?? '')).some((line) => line.startsWith('foreign'));
    assert.equal(await has({}), false);
    assert.equal(await has({ platform: 'linux/s390x' }), true);
    await failsWith(
      build(both, { platform: 'linux/riscv64' }),
      'InvalidArgs',
      /no image for linux\/riscv64, only for linux\/s390x, linux\//,
    );
    await failsWith(build(layout([other])), 'InvalidArgs', /no image for .* only for linux\/s390x/);
    await failsWith(
      build(both, { platform: 'windows/amd64' }),
      'InvalidArgs',
      /no platform that a portable service/,
    );
  });

  it('of several names: the one asked for', async () => {
    const files = [
      { ...image, reference: 'demo:1' },
      { ...image, layers: [...layers, tarArchive([{ path: 'two' }])], reference: 'demo:2' },
    ];
    for (const container of [layout(files), archive(dockerFiles(files))]) {
      await failsWith(build(container), 'InvalidArgs', /holds several images: demo:1, demo:2 .*--reference/);
      await failsWith(
        build(container, { reference: 'demo:3' }),
        'InvalidArgs',
        /no image called 'demo:3' .*demo:1, demo:2/,
      );
      const {
        outputs: [file = ''],
      } = await build(container, { reference: 'demo:2' });
      assert.ok((await listing(file)).some((line) => line.startsWith('two ')));
    }
  });
});

describe('damaged container images are refused, and nothing appears', () => {
  /** A layout with one blob of its layers changed. */
  function damaged(change: (layer: Buffer) => Buffer, compress: Compress = gzip): string {
    const files = ociFiles([image], compress);
    const name = `blobs/${sha256(compress(layers[1]!)).replace(':', '/')}`;
    files.set(name, change(files.get(name)!));
    const directory = place();
    writeFiles(directory, files);
    return directory;
  }

  it('a layer with other bytes', () =>
    failsWith(
      build(damaged((layer) => Buffer.from(layer.map((byte, i) => (i === 20 ? byte ^ 1 : byte))))),
      'InvalidArgs',
      /digest of layer 2 \(sha256:.*should be sha256:/,
    ));

  it('a layer that was cut off', () =>
    failsWith(
      build(damaged((layer) => layer.subarray(0, -5))),
      'InvalidArgs',
      /layer 2 .* bytes, and should have/,
    ));

  it('a layer whose gzip data ends early, its digest right', async () => {
    for (const compress of [
      (layer: Buffer) => gzipSync(layer).subarray(0, -12),
      (layer: Buffer) => zstd(layer).subarray(0, -6),
    ]) {
      await failsWith(build(layout([image], compress)), 'InvalidArgs', /layer 1 .*cannot be decompressed: /);
    }
  });

  it('a layer with other content than the config says', async () => {
    const files = ociFiles([image], (layer) => gzip(layer === layers[1] ? layers[0]! : layer));
    const directory = place();
    writeFiles(directory, files);
    await failsWith(build(directory), 'InvalidArgs', /digest of what is in layer 2/);
    const docker = dockerFiles([image]);
    docker.set('0-1/layer.tar', layers[0]!);
    await failsWith(build(archive(docker)), 'InvalidArgs', /digest of what is in layer 2/);
  });

  it('documents with other bytes', async () => {
    const files = ociFiles([image]);
    const [config] = [...files.keys()].filter(
      (name) => name.startsWith('blobs/') && files.get(name)!.includes('rootfs'),
    );
    files.set(config!, Buffer.from(files.get(config!)!.toString().replace('--fast', '--slow')));
    await failsWith(build(archive(files)), 'InvalidArgs', /the digest of 'blobs\/sha256\//);
    const docker = dockerFiles([image]);
    const [name] = [...docker.keys()].filter((each) => /^[0-9a-f]{64}\.json$/.test(each));
    docker.set(name!, Buffer.from('{}'));
    await failsWith(build(archive(docker)), 'InvalidArgs', /the digest of '/);
  });

  it('blobs that are missing', async () => {
    const files = ociFiles([image]);
    files.delete(`blobs/${sha256(gzip(layers[0]!)).replace(':', '/')}`);
    await failsWith(build(archive(files)), 'FileNotFound', /lacks 'blobs\/sha256\/.*layer 1/);
  });

  it('digests that are paths', async () => {
    const files = ociFiles([image]);
    files.set(
      'index.json',
      Buffer.from(JSON.stringify({ manifests: [{ digest: 'sha256:../../../etc/passwd' }] })),
    );
    await failsWith(build(archive(files)), 'InvalidArgs', /where a digest must be/);
  });

  it('files outside of it', async () => {
    // an image of distinct layers has no links in it
    const files = dockerFiles([image]) as Map<string, Buffer>;
    const [outside, inside] = [place(), place()];
    writeFiles(outside, files);
    const [entry] = JSON.parse(files.get('manifest.json')!.toString()) as [{ Layers: string[] }];
    const away = (file: string): string => path.relative(inside, path.join(outside, file));
    const manifest = JSON.stringify([{ ...entry, Layers: entry.Layers.map(away) }]);
    writeFiles(inside, new Map(files).set('manifest.json', Buffer.from(manifest)));
    await failsWith(build(inside), 'InvalidArgs', /names '\.\.\/.*layer\.tar' as a file of its own/);
  });

  it('indexes in a circle', async () => {
    // a digest cannot be its own: any blob will do, since depth is looked at first
    const index = Buffer.from('{"manifests":[]}');
    let inner = index;
    const files = new Map<string, Buffer>();
    for (let i = 0; i < 8; i++) {
      files.set(`blobs/${sha256(inner).replace(':', '/')}`, inner);
      inner = Buffer.from(
        JSON.stringify({
          manifests: [{ digest: sha256(inner), mediaType: 'application/vnd.oci.image.index.v1+json' }],
        }),
      );
    }
    files.set('index.json', inner);
    await failsWith(build(archive(files)), 'LimitsExceeded', /name too many manifests/);
  });

  it('documents that are none', async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['index.json', 'x', /'index\.json' in .* is not JSON/],
      ['index.json', '[]', /'index\.json' in .* is not an object/],
      ['index.json', '{"manifests":{}}', /manifests of 'index\.json' .* is not an array/],
      ['index.json', '{"manifests":[{}]}', /digest of element 0 of manifests of 'index\.json' .* is missing/],
      ['manifest.json', '[{"Config":1}]', /Config of element 0 .* is not a string/],
      ['manifest.json', '[]', /holds several images: none/],
      ['other', '', /is no container image: it has neither/],
    ];
    for (const [name, text, message] of cases) {
      await failsWith(build(archive(new Map([[name, Buffer.from(text)]]))), 'InvalidArgs', message);
    }
  });

  it('files that are no archive', async () => {
    const file = place();
    writeFileSync(file, 'x'.repeat(2000));
    await failsWith(build(file), 'InvalidArgs', /is no good tar archive: the header at offset 0/);
    writeFileSync(file, gzipSync('x'));
    await failsWith(build(file), 'NotSupported', /is compressed with gzip .*gunzip/);
    await failsWith(build(`${file}-missing`), 'FileNotFound', /cannot open/);
  });

  it('layers compressed with what layers are not', () =>
    failsWith(
      build(layout([image], (layer) => execFileSync('xz', ['-c'], { input: layer }))),
      'NotSupported',
      /layer 1 .*compressed with xz/,
    ));

  it('layers that expand without end', async () => {
    const bomb = { ...image, layers: [tarArchive([{ path: 'zeros', content: Buffer.alloc(80 << 20) }])] };
    await failsWith(
      build(layout([bomb])),
      'LimitsExceeded',
      /layer 1 .*expands to more than 200 times its size .*--max-ratio/,
    );
    await failsWith(
      build(layout([bomb]), { maxRatio: 5000, maxSize: 1 << 20 }),
      'LimitsExceeded',
      /more than 1048576 bytes .*--max-size/,
    );
    await failsWith(
      build(layout(), { maxEntries: 3 }),
      'LimitsExceeded',
      /more entries than allowed .*--max-entries/,
    );
  });

  it('layers that lead out of the image', () =>
    failsWith(
      build(layout([{ ...image, layers: [...layers, tarArchive([{ path: '../x' }])] }])),
      'InvalidArgs',
      /layer 3 \(sha256:.*the entry '\.\.\/x' has "\.\."/,
    ));
});
