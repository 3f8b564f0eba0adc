/** A host root in a scratch directory, with profiles and a pool, and portable service images to put there. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { FileLock } from '../../src/transaction/lock.ts';
import { systemPaths } from '../../src/base/host-paths.ts';
import type { Log } from '../../src/base/log.ts';
import { silentLog } from '../../src/base/log.ts';
import { defaultLimits } from '../../src/disk/budget.ts';
import type { Limits } from '../../src/disk/budget.ts';
import type { ServiceManager } from '../../src/host/service-manager.ts';
import { createPortables } from '../../src/portable/portables.ts';
import type { Portables } from '../../src/portable/portables.ts';
import type { AttachRequest, DetachRequest } from '../../src/portable/requests.ts';
import { runSync } from './run.ts';
import { scratchDirectory } from './scratch.ts';
import { snapshot } from './snapshot.ts';

/** What a test image holds: path inside → content; a value of null is a directory, `{ link }` a symlink. */
export type Content = Readonly<Record<string, string | null | { readonly link: string }>>;

export const osRelease = 'ID=demo\nVERSION_ID=1\n';
export const unit = '[Service]\nExecStart=/usr/bin/true\n';

/** The least that makes a portable service image, plus `content`; of an extension just that. */
export function imageContent(content: Content): Content {
  const isExtension = Object.keys(content).some((file) => file.includes('/extension-release.d/'));
  return isExtension ? content : { '/usr/lib/os-release': osRelease, ...content };
}

/** Writes a tree below a directory. */
export function writeTree(directory: string, content: Content): string {
  mkdirSync(directory, { recursive: true });
  for (const [inside, what] of Object.entries(content)) {
    const at = path.join(directory, inside);
    mkdirSync(path.dirname(at), { recursive: true });
    if (what === null) mkdirSync(at, { recursive: true });
    else if (typeof what === 'string') writeFileSync(at, what);
    else runSync('ln', ['-s', '--', what.link, at]);
  }
  return directory;
}

/** A service manager that says what the test wants. */
export class FakeManager implements ServiceManager {
  readonly active = new Map<string, string>();
  readonly files = new Map<string, string>();
  systemd: number | undefined = 262;
  queries = 0;

  version(): Promise<number | undefined> {
    return Promise.resolve(this.systemd);
  }

  activeStates(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    this.queries++;
    const patterns = names.map((name) => name.replace('@.', '@*.'));
    const fits = (unitName: string): boolean =>
      patterns.some((pattern) => {
        const [head = '', tail] = pattern.split('*');
        return tail === undefined ? unitName === head : unitName.startsWith(head) && unitName.endsWith(tail);
      });
    return Promise.resolve(new Map([...this.active].filter(([name]) => fits(name))));
  }

  unitFileStates(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    this.queries++;
    return Promise.resolve(new Map([...this.files].filter(([name]) => names.includes(name))));
  }
}

export interface PortableRoot {
  /** On disk. */
  readonly root: string;
  readonly manager: FakeManager;
  readonly portables: Portables;
  readonly log: string[];
  /** Where a path of the host is on disk. */
  at(inside: string): string;
  read(inside: string): string;
  /** All that is on the host, one line per file, without our own lock and journals. */
  present(): readonly string[];
  /** A directory image; returns its path as the host sees it. */
  directory(inside: string, content: Content): string;
  /** A squashfs image of the same. */
  raw(inside: string, content: Content, ...options: string[]): string;
}

/** Makes a host root in `root`, an empty directory. */
export function portableRoot(root: string, limits: Limits = defaultLimits): PortableRoot {
  for (const profile of ['default', 'strict']) {
    writeTree(root, {
      [`/usr/lib/systemd/portable/profile/${profile}/service.conf`]: `# ${profile}\n[Service]\n`,
    });
  }
  for (const directory of ['/etc/portables', '/var/lib/portables', '/srv', '/run', '/etc/systemd']) {
    mkdirSync(path.join(root, directory), { recursive: true });
  }
  chmodSync(root, 0o755);
  const manager = new FakeManager();
  const log: string[] = [];
  const lock = new FileLock(path.join(root, systemPaths().lock));
  const context = { root, paths: systemPaths(), limits, manager, log: recordingLog(log), lock };
  const at = (inside: string): string => path.join(root, inside);
  return {
    root,
    manager,
    log,
    portables: createPortables(context),
    at,
    read: (inside) => readFileSync(at(inside), 'utf8'),
    present: () => snapshot(root).filter((line) => !line.includes('/portabled')),
    directory: (inside, content) => {
      writeTree(at(inside), imageContent(content));
      return inside;
    },
    raw: (inside, content, ...options) => {
      const source = writeTree(`${at(inside)}.source`, imageContent(content));
      mkdirSync(path.dirname(at(inside)), { recursive: true });
      runSync('mksquashfs', [
        source,
        at(inside),
        '-noappend',
        '-quiet',
        '-no-progress',
        '-all-root',
        ...options,
      ]);
      runSync('rm', ['-r', '--', source]);
      return inside;
    },
  };
}

function recordingLog(lines: string[]): Log {
  const record = (message: string): void => {
    lines.push(message);
  };
  return { ...silentLog, info: record, notice: record, warning: record, error: record };
}

/** An attach request with the usual defaults. */
export function attachRequest(image: string, options: Partial<AttachRequest> = {}): AttachRequest {
  return {
    image,
    extensions: [],
    matches: [],
    profile: 'default',
    copyMode: '',
    runtime: false,
    force: false,
    forceExtension: false,
    ...options,
  };
}

export function detachRequest(image: string, options: Partial<DetachRequest> = {}): DetachRequest {
  return { image, extensions: [], runtime: false, force: false, ...options };
}

/** Host roots below one scratch directory, which goes when the test file ends. */
export function portableRoots(topic: string): (limits?: Limits) => PortableRoot {
  const scratch = scratchDirectory(topic);
  let count = 0;
  return (limits) => {
    const root = path.join(scratch, String(++count));
    mkdirSync(root);
    return portableRoot(root, limits);
  };
}
