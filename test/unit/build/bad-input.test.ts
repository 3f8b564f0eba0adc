/** Descriptions that cannot become an image: a clear error, and nothing in the output directory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, it } from 'node:test';

import { buildImage, type BuildOptions } from '../../../src/build/build.ts';
import type { BuildDescription } from '../../../src/build/description.ts';
import { failsWith } from '../../support/fails-with.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('bad-input');
const sourceRoot = path.join(scratch, 'root');
mkdirSync(path.join(sourceRoot, 'usr/bin'), { recursive: true });
mkdirSync(path.join(sourceRoot, 'data'));
writeFileSync(path.join(sourceRoot, 'usr/bin/demod'), 'a program', { mode: 0o755 });
writeFileSync(path.join(sourceRoot, 'usr/bin/data'), 'no program', { mode: 0o644 });
const output = path.join(scratch, 'output');
mkdirSync(output);

function unitFile(name: string, text = '[Service]\nExecStart=/usr/bin/demod\n'): string {
  const file = path.join(scratch, name);
  writeFileSync(file, text);
  return file;
}

const good: BuildDescription = { name: 'demo', version: '1', sourceRoot, units: [unitFile('demo.service')] };

async function refuses(
  description: Partial<BuildDescription>,
  code: string,
  message: RegExp,
  options: Partial<BuildOptions> = {},
): Promise<void> {
  const searchPath = process.env['PATH'] ?? '';
  const work = buildImage({ ...good, ...description }, { outputDirectory: output, searchPath, ...options });
  await failsWith(work, code, message);
  assert.deepEqual(readdirSync(output), []);
}

/** Contents of the source root, kept where they are. */
function content(source: string): Pick<BuildDescription, 'contents'> {
  return { contents: [{ source, local: false, destination: source }] };
}

const nobody = 65534;

/** The command as somebody who may not read everything, as root may: what it says. */
function unprivileged(...args: readonly string[]): string {
  chmodSync(scratch, 0o755);
  chmodSync(output, 0o777);
  // the checkout may be out of their sight
  const bundle = path.join(scratch, 'bundle');
  cpSync(path.join(import.meta.dirname, '../../../dist/portabled'), bundle, { recursive: true });
  const who = process.geteuid?.() === 0 ? { uid: nobody, gid: nobody } : {};
  const { status, stderr } = spawnSync(process.execPath, [path.join(bundle, 'portable-build.cjs'), ...args], {
    encoding: 'utf8',
    ...who,
  });
  rmSync(bundle, { recursive: true });
  assert.notEqual(status, 0);
  return stderr;
}

describe('no image is built', () => {
  it('of units that nobody would find', async () => {
    await refuses(
      { units: [unitFile('other.service')] },
      'InvalidArgs',
      /the unit 'other\.service' does not begin with the name 'demo'.*demo-other\.service/,
    );
    // "demon" is not "demo": the name ends at "-", "." or "@"
    await refuses({ units: [unitFile('demon.service')] }, 'InvalidArgs', /does not begin with the name/);
    await refuses({ units: [unitFile('demo.mount')] }, 'InvalidArgs', /no unit that a portable service can/);
    await refuses({ units: [path.join(scratch, 'demo-gone.service')] }, 'FileNotFound', /demo-gone\.service/);
    await refuses({ units: [] }, 'NoMatchingUnitFiles', /no unit whose name begins with 'demo' \(.*--unit/);
  });

  it('of names and versions that images cannot have', async () => {
    await refuses({ name: 'my_demo' }, 'InvalidArgs', /'my_demo' is no name.*"_" separates/);
    await refuses({ name: '../demo' }, 'InvalidArgs', /is no name/);
    await refuses({ version: '1/2' }, 'InvalidArgs', /'1\/2' is no version/);
  });

  it('of units whose programs are not there, or cannot be executed', async () => {
    const unit = (line: string): Partial<BuildDescription> => ({
      units: [unitFile('demo.service', `[Unit]\nDescription=x\n[Service]\n${line}\n`)],
    });
    await refuses(
      unit('ExecStart=/usr/bin/gone --flag'),
      'FileNotFound',
      /ExecStart= of demo\.service \(line 4\): '\/usr\/bin\/gone' is not in the image \(add it with --content/,
    );
    await refuses(unit('ExecStart=/usr/bin/demod\nExecStop=+gone'), 'FileNotFound', /ExecStop= .*'gone'/);
    await refuses(unit('ExecStart="/usr/bin/data"'), 'InvalidArgs', /'\/usr\/bin\/data' is not executable/);
    await refuses(unit('ExecStart=:/usr/bin'), 'InvalidArgs', /is not executable \(it is a directory/);
    unitFile('demo.service');
  });

  it('of files that are not there, loop, or cannot be read', async () => {
    await refuses(content('/gone'), 'FileNotFound', /root\/gone' does not exist/);
    symlinkSync('loop-b', path.join(sourceRoot, 'loop-a'));
    symlinkSync('loop-a', path.join(sourceRoot, 'loop-b'));
    await refuses(content('/loop-a'), 'Loop', /too many levels of symbolic links at '\/loop-a'/);
    symlinkSync('../loop-a', path.join(sourceRoot, 'data/loop'));
    await refuses(content('/data'), 'Loop', /too many levels of symbolic links at '\/data\/loop'/);
    rmSync(path.join(sourceRoot, 'data/loop'));
    const local = { source: path.join(sourceRoot, 'loop-a'), local: true, destination: '/opt/x' };
    await refuses({ contents: [local] }, 'Loop', /loop-a/);

    const secret = path.join(sourceRoot, 'data/secret');
    writeFileSync(secret, 'x');
    chmodSync(secret, 0);
    const image = ['--name=demo', '--version=1', `--unit=${unitFile('demo.service')}`, '--content=/data'];
    assert.match(
      unprivileged(...image, `--source-root=${sourceRoot}`, `--output=${output}`),
      /cannot read '.*data\/secret': permission denied/,
    );
    assert.deepEqual(readdirSync(output), []);
    rmSync(secret);
  });

  it('of devices, pipes and sockets', async () => {
    const pipe = path.join(sourceRoot, 'data/pipe');
    runSync('mkfifo', [pipe]);
    await refuses(
      content('/data'),
      'InvalidArgs',
      /data\/pipe' is a pipe, which no image can carry.*--exclude/,
    );
    rmSync(pipe);
    const server = createServer().listen(path.join(sourceRoot, 'data/socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    await refuses(content('/data'), 'InvalidArgs', /data\/socket' is a socket/);
    server.close();
    const device = { source: '/dev/null', local: true, destination: '/opt/null' };
    await refuses({ contents: [device] }, 'InvalidArgs', /'\/dev\/null' is a device/);
  });

  it('of contents that contradict each other', async () => {
    const local = (destination: string) => ({ source: unitFile('x'), local: true, destination });
    await refuses({ contents: [local('/opt/a'), local('/opt/a/b')] }, 'InvalidArgs', /'\/opt\/a' would have/);
    await refuses({ contents: [local('/usr')] }, 'InvalidArgs', /'\/usr' would have to be a file/);
    await refuses({ contents: [local('/')] }, 'InvalidArgs', /'\/' is no path/);
    await refuses({ contents: [local(`/${'a'.repeat(256)}`)] }, 'InvalidArgs', /each part at most 255/);
  });

  it('when the program that writes it is missing, or too old', async () => {
    const nowhere = { searchPath: path.join(scratch, 'nowhere') };
    const missing = (program: string, name: string): RegExp =>
      new RegExp(`the program "${program}" is not installed \\(apt-get install ${name}\\)`);
    await refuses({}, 'NotSupported', missing('mksquashfs', 'squashfs-tools'), nowhere);
    await refuses({ format: 'erofs' }, 'NotSupported', missing('mkfs\\.erofs', 'erofs-utils'), nowhere);
    const tools = path.join(scratch, 'tools');
    mkdirSync(tools);
    const withTool = (version: string): Partial<BuildOptions> => {
      writeFileSync(path.join(tools, 'mksquashfs'), `#!/bin/sh\necho "mksquashfs version ${version}"\n`);
      chmodSync(path.join(tools, 'mksquashfs'), 0o755);
      return { searchPath: `${tools}:${process.env['PATH'] ?? ''}` };
    };
    await refuses({}, 'NotSupported', /older than 4\.5/, withTool('4.4 (2019/08/29)'));
  });

  it('of compressions and block sizes that there are not', async () => {
    await refuses({ compression: 'zip' }, 'InvalidArgs', /'zip' is no compression of squashfs.*xz/);
    await refuses({ compression: 'xz -root-mode 777' }, 'InvalidArgs', /is no compression of squashfs/);
    await refuses({ blockSize: 5000 }, 'InvalidArgs', /blocks of 5000 bytes/);
    await refuses({ format: 'erofs', compression: 'a b' }, 'InvalidArgs', /no compression of erofs/);
    await refuses({ format: 'erofs', blockSize: 5000 }, 'InvalidArgs', /clusters of 5000 bytes/);
    await refuses({ compression: 'gzip -Xcompression-level 99' }, 'Failed', /cannot write .*demo_1\.raw/);
  });

  it('of packages that are not installed', async () => {
    await refuses({ packages: ['x'] }, 'NotSupported', /var\/lib\/dpkg\/status' does not exist/);
  });

  it('when it is interrupted', async () => {
    const ended = new AbortController();
    const options = { signal: ended.signal, outputDirectory: output, searchPath: process.env['PATH'] ?? '' };
    const big = path.join(scratch, 'big');
    runSync('truncate', ['-s', '1G', big]);
    const contents = [{ source: big, local: true, destination: '/big' }];
    const progress = (): void => ended.abort(new Error('enough'));
    await assert.rejects(buildImage({ ...good, contents }, { ...options, progress }), /enough/);
    assert.deepEqual(readdirSync(output), []);
  });
});
