/** A disk that is too small for the image, or for what a container's layers expand to: words that say so, nothing left. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildImage } from '../../src/build/build.ts';
import type { BuildDescription } from '../../src/build/description.ts';
import { PortableError } from '../../src/base/errors.ts';
import { ociFiles, writeFiles } from '../support/container-image.ts';
import { Random } from '../support/random.ts';
import { runSync } from '../support/run.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tarArchive } from '../support/tar-archive.ts';

const scratch = scratchDirectory('full-disk');
const disk = path.join(scratch, 'disk');
const layout = path.join(scratch, 'layout');
const unit = path.join(scratch, 'demo.service');

/** Runs the build on a disk of so many bytes; it must fail, saying that it is full, and leave nothing there. */
async function failsOn(bytes: number, description: Partial<BuildDescription>): Promise<void> {
  runSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', disk]);
  try {
    const whole = { name: 'demo', version: '1', compression: 'gzip', ...description };
    const options = { outputDirectory: disk, searchPath: process.env['PATH'] ?? '' };
    await assert.rejects(buildImage(whole, options), (error) => {
      assert.ok(error instanceof PortableError);
      assert.match(error.describe(), /no space left|ENOSPC|because it is full|disk.* full/i);
      return true;
    });
    assert.deepEqual(readdirSync(disk), []);
  } finally {
    runSync('umount', [disk]);
  }
}

describe('a full disk', () => {
  before(() => {
    mkdirSync(disk);
    const noise = new Random(1).bytes(4 << 20);
    const layers = [tarArchive([{ path: 'bin/run', content: noise, mode: 0o755 }])];
    writeFiles(layout, ociFiles([{ layers, config: { Cmd: ['/bin/run'] } }]));
    mkdirSync(path.join(scratch, 'source/usr/bin'), { recursive: true });
    writeFileSync(path.join(scratch, 'source/usr/bin/run'), noise, { mode: 0o755 });
    writeFileSync(unit, '[Service]\nExecStart=/usr/bin/run\n');
  });

  after(() => assert.equal(runSync('findmnt', ['-rn', '-o', 'TARGET']).includes(disk), false));

  it('while a layer is expanded', () => failsOn(2 << 20, { container: layout }));
  it('while the image of a container is written', () => failsOn(6 << 20, { container: layout }));

  const program = {
    sourceRoot: path.join(scratch, 'source'),
    contents: [{ source: '/usr/bin/run', local: false, destination: '/usr/bin/run' }],
    units: [unit],
  };
  for (const format of ['squashfs', 'erofs', 'directory'] as const) {
    it(`while ${format} is written`, () =>
      failsOn(2 << 20, { ...program, format, compression: format === 'erofs' ? 'none' : 'gzip' }));
  }

  it('while the disk image is put together', () => failsOn(6 << 20, { ...program, gpt: true }));
});
