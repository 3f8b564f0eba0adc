import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { PortableError } from '../../../src/base/errors.ts';
import { makeDirectories } from '../../../src/base/make-directories.ts';
import { removeTree } from '../../../src/base/remove-tree.ts';
import { runTool } from '../../../src/base/tool.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('tools');
const at = (...names: string[]) => path.join(scratch, ...names);

describe('runTool', () => {
  const options = { doing: "copy '/a'", file: '/a' };

  it("fails in the program's own words, under the name of its errno", async () => {
    await failsWith(
      runTool('cp', ['--', at('missing'), at('x')], options),
      'FileNotFound',
      /cannot copy '\/a': cp: /,
    );
    writeFileSync(at('content'), 'content');
    const full = runTool('cp', ['--', at('content'), '/dev/full'], options);
    await failsWith(full, 'Failed', /No space left on device/);
    await assert.rejects(full, { dbusName: 'System.Error.ENOSPC', file: '/a' });
  });

  it('says how a program ended that said nothing, and that one is not installed', async () => {
    await failsWith(runTool('false', [], options), 'Failed', /cannot copy '\/a': false ended with status 1/);
    await failsWith(
      runTool('no-such-program', [], options),
      'NotSupported',
      /"no-such-program" is not installed/,
    );
  });

  it('says so, too, where part of the search path is closed to us', async () => {
    mkdirSync(at('closed'));
    writeFileSync(at('closed/no-such-program'), 'no program');
    const env = { PATH: `${at('closed')}:/usr/bin` };
    const lost = runTool('no-such-program', [], { ...options, env, package: 'such' });
    await assert.rejects(lost, { code: 'NotSupported', hint: 'apt-get install such' });
  });

  it('says why one cannot be started', async () => {
    const tooLong = runTool('true', ['x'.repeat(200_000)], options);
    await failsWith(
      tooLong,
      'Failed',
      /cannot copy '\/a': the program "true" cannot be started: spawn E2BIG/,
    );
    await failsWith(runTool(scratch, [], options), 'Failed', /cannot be started: spawn .* EACCES/);
  });

  it('hands its output on', async () => {
    const output = new PassThrough();
    const all = text(output);
    const program = ['-c', 'yes hello | head -c 100000; exit 3'];
    assert.equal(await runTool('sh', program, { ...options, output, alsoGood: [3] }), '');
    assert.equal((await all).length, 100_000);
    const unread = new PassThrough();
    await failsWith(runTool('sh', program, { ...options, output: unread.resume() }), 'Failed', /status 3/);
    assert.equal(unread.writableEnded, false);
  });

  it('ends the program on abort', async () => {
    const abort = new AbortController();
    const running = runTool('sleep', ['60'], { ...options, signal: abort.signal });
    setTimeout(() => {
      abort.abort(new Error('enough'));
    }, 20);
    await assert.rejects(running, /enough/);
    await assert.rejects(runTool('sleep', ['60'], { ...options, signal: abort.signal }), /enough/);
  });
});

describe('removeTree', () => {
  it('removes files and trees, and follows no link', async () => {
    mkdirSync(at('tree/a/b'), { recursive: true });
    mkdirSync(at('outside'));
    writeFileSync(at('outside/file'), '');
    symlinkSync(at('outside'), at('tree/a/link'));
    await removeTree(at('tree'));
    assert.ok(!existsSync(at('tree')));
    assert.deepEqual(readdirSync(at('outside')), ['file']);
    await removeTree(at('outside/file'));
    await removeTree(at('outside/file'));
    assert.deepEqual(readdirSync(at('outside')), []);
  });

  it('says what it cannot remove', async () => {
    await assert.rejects(removeTree('/proc/self/status'), (error) => {
      assert.ok(error instanceof PortableError);
      assert.match(error.message, /cannot remove '\/proc\/self\/status': rm: /);
      return true;
    });
  });
});

describe('makeDirectories', () => {
  it('creates what is missing, the last one with the mode asked for', () => {
    assert.deepEqual(makeDirectories(at('new/sub/last'), 0o700), [
      at('new'),
      at('new/sub'),
      at('new/sub/last'),
    ]);
    assert.equal(statSync(at('new/sub/last')).mode & 0o777, 0o700);
    assert.equal(statSync(at('new/sub')).mode & 0o777, 0o755);
    assert.deepEqual(makeDirectories(at('new/sub/last'), 0o700), []);
  });

  it('names the directory it cannot create, and ends', () => {
    assert.throws(() => makeDirectories('/proc/none/x'), /create directory '\/proc\/none'/);
    writeFileSync(at('file'), '');
    assert.throws(() => makeDirectories(at('file/x')), /create directory '.*file\/x'/);
  });
});
