/** The command as people run it: what it prints, how it exits, and that signals leave nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

import { main } from '../../../src/build/command.ts';
import { plain } from '../../../src/terminal/styles.ts';
import type { Output } from '../../../src/terminal/terminal.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('command');
const sourceRoot = path.join(scratch, 'root');
mkdirSync(path.join(sourceRoot, 'usr/bin'), { recursive: true });
writeFileSync(path.join(sourceRoot, 'usr/bin/demod'), 'a program', { mode: 0o755 });
writeFileSync(path.join(scratch, 'demo.service'), '[Service]\nExecStart=/usr/bin/demod\nExecStop=-/gone\n');
writeFileSync(
  path.join(scratch, 'demo.json'),
  JSON.stringify({ name: 'demo', version: '1', units: ['demo.service'], sourceRoot: 'root' }),
);

let outputs = 0;

function newOutput(): string {
  const directory = path.join(scratch, `out-${++outputs}`);
  mkdirSync(directory);
  return directory;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  args: readonly string[],
  more: { isTerminal?: boolean; epoch?: string } = {},
): Promise<Outcome> {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr'): Output => ({
    write: (text) => void (written[name] += String(text)),
    isTerminal: more.isTerminal ?? false,
    canRedraw: more.isTerminal ?? false,
    columns: more.isTerminal === true ? 80 : undefined,
    styles: plain,
  });
  const code = await main({
    args,
    env: { PATH: process.env['PATH'], SOURCE_DATE_EPOCH: more.epoch },
    directory: scratch,
    terminal: { stdout: output('stdout'), stderr: output('stderr'), canAsk: false },
    version: '1.2.3',
    signal: new AbortController().signal,
  });
  return { code, ...written };
}

describe('portable-build', () => {
  it('prints a table of what it built, and what is odd', async () => {
    const directory = newOutput();
    const { code, stdout, stderr } = await run(['demo.json', '-o', directory]);
    assert.equal(code, 0, stderr);
    const [header = '', row = ''] = stdout.split('\n');
    assert.match(header, /^IMAGE +FILES +CLOSURE +SIZE +UNITS$/);
    assert.match(row, /^\S+out-1\/demo_1\.raw +5 +\d+B +4K +demo\.service$/);
    assert.equal(stderr, "Warning: ExecStop= of demo.service (line 3): '/gone' is not in the image\n");
  });

  it('prints JSON when that is asked for', async () => {
    const { stdout } = await run(['demo.json', '-o', newOutput(), '--json']);
    const built = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(built['format'], 'squashfs');
    assert.deepEqual(built['units'], ['demo.service']);
    assert.match(String(built['sha256']), /^[0-9a-f]{64}$/);
    assert.equal(built['files'], 5);
  });

  it('gives the same bytes for the same input, in every format, and the time it is told', async () => {
    const digest = async (format: string, epoch?: string): Promise<unknown> => {
      const args = ['demo.json', '-o', newOutput(), '--json', '--format', format];
      const { code, stdout, stderr } = await run(args, epoch === undefined ? {} : { epoch });
      assert.equal(code, 0, stderr);
      return (JSON.parse(stdout) as Record<string, unknown>)['sha256'];
    };
    for (const format of ['squashfs', 'erofs']) {
      const first = await digest(format);
      // permissions hang on the builder's umask: write permission for the group is not kept
      chmodSync(path.join(sourceRoot, 'usr/bin/demod'), 0o775);
      assert.equal(await digest(format), first);
      chmodSync(path.join(sourceRoot, 'usr/bin/demod'), 0o755);
      const later = await digest(format, '1700000000');
      assert.notEqual(later, first);
      assert.equal(await digest(format, '1700000000'), later);
    }
  });

  it('says what is wrong, and what to do', async () => {
    const missing = await run(['--name', 'x']);
    assert.deepEqual(missing, {
      code: 1,
      stdout: '',
      stderr: 'the image needs a version\nHint: --version VERSION, or "version" in a build file\n',
    });
    const unknown = await run(['--conten', '/a']);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /unknown option '--conten', did you mean '--content'\?\nHint: .*--help/);
    assert.equal((await run(['demo.json', '-o', newOutput()], { epoch: 'yesterday' })).code, 2);
    assert.match((await run(['gone.json'])).stderr, /gone\.json': no such file/);
    assert.deepEqual(await run(['--version']), { code: 0, stdout: 'portable-build 1.2.3\n', stderr: '' });
  });

  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`ended by ${signal} leaves nothing, and exits with ${code}`, async () => {
      const output = newOutput();
      const tools = path.join(scratch, `tools-${signal}`);
      mkdirSync(tools);
      // reads what it gets, has written something, and never ends by itself
      writeFileSync(
        path.join(tools, 'mksquashfs'),
        '#!/bin/sh\ncase "$1" in -version) echo "mksquashfs version 4.6";; *) echo x >"$2"; exec sleep 60;; esac\n',
        { mode: 0o755 },
      );
      const program = path.join(import.meta.dirname, '../../../src/bin/portable-build.ts');
      const args = ['--import', 'tsx', program, path.join(scratch, 'demo.json'), '-o', output];
      const env = { ...process.env, PATH: `${tools}:${process.env['PATH'] ?? ''}` };
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      let stderr = '';
      child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
      const written = (): boolean =>
        readdirSync(output, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.raw'));
      while (!written()) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill(signal);
      const [status] = (await once(child, 'close')) as [number | null];
      assert.equal(status, code, stderr);
      assert.match(stderr, new RegExp(`ended by ${signal}: nothing was built`));
      assert.deepEqual(readdirSync(output), []);
    });
  }
});
