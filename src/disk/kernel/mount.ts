/**
 * Mounting a part of a file read-only, in a mount namespace that is this process's own: when it ends, however it
 * ends, mount and loop device go with it. Options: mount(8), "Filesystem-independent mount options" and those of each
 * file system; losetup(8).
 */
import { spawnSync } from 'node:child_process';
import { fstatSync, readFileSync, readSync } from 'node:fs';
import { deviceNumber } from '../../base/device.ts';
import { PortableError, quoted } from '../../base/errors.ts';
import { type Opening, imageDescriptor } from './protocol.ts';
import { superblockWords } from './superblock-words.ts';

/** What is covered by the mount: every host has it, and this process needs nothing of it. */
export const mountPoint = '/run';

/** The image as the programs we run see it, who inherit the descriptor: never its name, which may lead elsewhere by now. */
const image = `/proc/self/fd/${imageDescriptor}`;

const general = ['ro', 'nosuid', 'nodev', 'noexec'];

/**
 * What each file system needs besides: a log that was not written back stays as it is, as nothing can be written, and
 * the same image may be mounted already, by a service that runs from it.
 */
const special: Readonly<Record<string, readonly string[]>> = {
  btrfs: ['rescue=nologreplay'],
  xfs: ['norecovery', 'nouuid'],
  f2fs: ['norecovery'],
};

/**
 * Mounts what `opening` says on `mountPoint`.
 * @throws PortableError NotSupported when the kernel has no such file system or there is no loop device, InvalidArgs
 *   when it does not take the image for one, AccessDenied when it does not let us
 */
export function mountImage(opening: Opening): void {
  const { type, offset, size } = opening;
  const options = [...general, ...(special[type] ?? [])];
  // as one step of mount(8), so that the loop device is gone with us from the start
  const loop = ['loop', `offset=${offset}`, `sizelimit=${size}`];
  const mounted = attempt(opening, 'mount', mountArguments(type, [...options, ...loop], image));
  // mount(8) does not set up what another loop device has a part of, say that of a service that runs from the image
  if (mounted.status !== 0 && mounted.said.includes('overlapping loop device')) {
    mountThroughOwnLoop(opening, options);
  } else if (mounted.status !== 0) {
    throw refusal(opening, mounted.said);
  }
  checkBacking(opening);
}

function mountArguments(type: string, options: readonly string[], what: string): string[] {
  return ['--no-mtab', '--no-canonicalize', '-t', type, '-o', options.join(','), what, mountPoint];
}

function mountThroughOwnLoop(opening: Opening, options: readonly string[]): void {
  const { type, offset, size } = opening;
  const setUp = ['--find', '--show', '--read-only', `--offset=${offset}`, `--sizelimit=${size}`, image];
  const device = need(opening, 'losetup', setUp).trim();
  try {
    const mounted = attempt(opening, 'mount', mountArguments(type, options, device));
    if (mounted.status !== 0) throw refusal(opening, mounted.said);
  } finally {
    // of a device in use, this makes it go when it is not any more
    need(opening, 'losetup', ['--detach', device]);
  }
}

/** The image's file may have been replaced before mount(8) opened it by its name. */
function checkBacking(opening: Opening): void {
  const device = mountedDevice();
  const columns = ['--list', '--noheadings', '-O', 'BACK-MAJ:MIN,BACK-INO', device];
  const [backingDevice, inode] = need(opening, 'losetup', columns).trim().split(/\s+/);
  const stat = fstatSync(imageDescriptor, { bigint: true });
  const { major, minor } = deviceNumber(stat.dev);
  if (inode === String(stat.ino) && backingDevice === `${major}:${minor}`) return;
  throw new PortableError('Stale', `${quoted(opening.name)} was replaced while it was being opened`, {
    file: opening.name,
  });
}

/** What was mounted on `mountPoint` last: proc_pid_mountinfo(5). */
function mountedDevice(): string {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  const fields = lines.map((line) => line.split(' ')).findLast((each) => each[4] === mountPoint) ?? [];
  return fields[fields.indexOf('-') + 2] ?? '';
}

interface Attempt {
  readonly status: number;
  readonly output: string;
  /** What it said on standard error, in one line. */
  readonly said: string;
}

function need(opening: Opening, program: string, args: readonly string[]): string {
  const { status, output, said } = attempt(opening, program, args);
  if (status === 0) return output;
  throw refusal(opening, said);
}

/** Runs one of util-linux's programs to its end. */
function attempt({ name, limits }: Opening, program: string, args: readonly string[]): Attempt {
  const stdio = ['ignore', 'pipe', 'pipe', 'ignore', imageDescriptor] as const;
  const { status, signal, stdout, stderr, error } = spawnSync(program, args, {
    stdio: [...stdio],
    env: { LC_ALL: 'C', PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    encoding: 'utf8',
    timeout: limits.wallTimeMs,
    killSignal: 'SIGKILL',
  });
  if (error !== undefined && status === null && signal === null) {
    throw new PortableError('NotSupported', `cannot mount ${quoted(name)}: ${program}: ${error.message}`, {
      file: name,
      hint: 'mount(8) and losetup(8) are part of util-linux',
    });
  }
  const said =
    stderr
      .trim()
      .replace(/^mount: [^:]*: /, '')
      .split('\n')[0] ?? '';
  return {
    status: status ?? -1,
    output: stdout,
    said: said === '' ? `${program} ended with ${signal ?? String(status)}` : said,
  };
}

function refusal({ name, type, offset }: Opening, said: string): PortableError {
  if (said.includes('unknown filesystem type')) {
    return new PortableError(
      'NotSupported',
      `${quoted(name)} holds ${type}, and this kernel has no driver for it`,
      { file: name, hint: `perhaps modprobe ${type} helps` },
    );
  }
  const message = `the kernel does not mount ${quoted(name)} as ${type}: ${said}`;
  if (/permission denied|not permitted|must be superuser/i.test(said)) {
    return new PortableError('AccessDenied', message, {
      file: name,
      hint: 'CAP_SYS_ADMIN and loop devices are needed',
    });
  }
  if (said.includes('loop device')) {
    return new PortableError('NotSupported', message, { file: name, hint: 'a free loop device is needed' });
  }
  // the kernel tells only its log which of the features it does not know
  const stored = superblockWords(type, (at, length) => readImage(offset + at, length));
  return new PortableError('InvalidArgs', stored === undefined ? message : `${message} (${stored})`, {
    file: name,
    hint: 'the kernel log may say more',
  });
}

function readImage(at: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(imageDescriptor, bytes, 0, length, at);
  return bytes;
}
