/** A host root for transactions, and plans such as attaching, detaching and reattaching make. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import type { TransactionEnvironment } from '../../src/transaction/environment.ts';
import type { Lock } from '../../src/transaction/lock.ts';
import type { Plan, Step } from '../../src/transaction/steps.ts';
import { snapshot } from './snapshot.ts';

/** The directory of attached units. */
export const attached = '/etc/systemd/system.attached';

/** The directory of image links. */
export const links = '/etc/portables';

/** For tests in which nobody else changes anything. */
export const noLock: Lock = { acquire: () => Promise.resolve(() => Promise.resolve()) };

/** What transactions need, for a root on disk. */
export function environment(
  root: string,
  more: Partial<TransactionEnvironment> = {},
): TransactionEnvironment {
  return {
    root,
    bases: [attached, links],
    journalDir: journalDirectory(root),
    lock: noLock,
    log: silentLog,
    ...more,
  };
}

export function journalDirectory(root: string): string {
  return path.join(root, 'var/lib/portabled/transactions');
}

/** The journals of unfinished transactions. */
export function journalsIn(root: string): readonly string[] {
  return namesIn(journalDirectory(root));
}

/** The names in a directory; none where there is none. */
export function namesIn(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** All that is on the host, our own state directory aside. */
export function present(root: string): readonly string[] {
  return snapshot(root).filter((line) => !/^\/var[/ ]/.test(line));
}

/** Writes a tree: a path ending in "/" is a directory, a value `{ to }` a symlink; modes are 0755 and 0640. */
export function plant(
  root: string,
  content: Readonly<Record<string, string | { readonly to: string }>>,
): void {
  for (const [inside, what] of Object.entries(content)) {
    const at = path.join(root, inside);
    mkdirSync(inside.endsWith('/') ? at : path.dirname(at), { recursive: true });
    if (inside.endsWith('/')) continue;
    if (typeof what === 'string') {
      writeFileSync(at, what);
      chmodSync(at, 0o640);
    } else symlinkSync(what.to, at);
  }
}

export const step = {
  mkdir: (at: string, mode = 0o755): Step => ({ kind: 'mkdir', path: at, mode }),
  write: (at: string, content: string, replace = false): Step => ({
    kind: 'write',
    path: at,
    mode: 0o644,
    content: Buffer.from(content),
    replace,
  }),
  copy: (at: string, content: string, replace = false): Step => ({
    kind: 'copy',
    path: at,
    mode: 0o644,
    content: Buffer.from(content),
    source: '/image',
    replace,
  }),
  copyImage: (at: string, source: string, replace = false): Step => ({
    kind: 'copy-image',
    path: at,
    source,
    replace,
  }),
  symlink: (at: string, target: string, replace = false): Step => ({
    kind: 'symlink',
    path: at,
    target,
    replace,
  }),
  unlink: (at: string, recursive = false): Step => ({ kind: 'unlink', path: at, recursive }),
  rmdir: (at: string): Step => ({ kind: 'rmdir', path: at }),
};

/** The steps that put one unit there. */
export function unitSteps(unit: string, version: string, replace = false): readonly Step[] {
  const dropIns = `${attached}/${unit}.d`;
  return [
    step.mkdir(dropIns),
    step.write(`${dropIns}/20-portable.conf`, `# Drop-in for ${version}\n`, replace),
    step.symlink(`${dropIns}/10-profile.conf`, `/usr/lib/profile-${version}`, replace),
    step.copy(`${attached}/${unit}`, `[Service]\n# ${version}\n`, replace),
  ];
}

/** The steps that take one unit away. */
export function removalSteps(unit: string): readonly Step[] {
  const dropIns = `${attached}/${unit}.d`;
  return [
    step.unlink(`${attached}/${unit}`),
    step.unlink(`${dropIns}/10-profile.conf`),
    step.unlink(`${dropIns}/20-portable.conf`),
    step.rmdir(dropIns),
  ];
}

export function plan(kind: Plan['kind'], ...steps: readonly Step[]): Plan {
  return { kind, subject: '/srv/image', steps };
}

/** What a unit looks like that `unitSteps` put there. */
function unitContent(unit: string, version: string): Record<string, string | { readonly to: string }> {
  return {
    [`${attached}/${unit}.d/20-portable.conf`]: `# Drop-in for ${version}\n`,
    [`${attached}/${unit}.d/10-profile.conf`]: { to: `/usr/lib/profile-${version}` },
    [`${attached}/${unit}`]: `[Service]\n# ${version}\n`,
  };
}

export interface Scenario {
  /** Makes the host as it is before, in an empty directory. */
  readonly plant: (root: string) => void;
  readonly plan: Plan;
}

const image = {
  '/srv/tree/usr/lib/os-release': 'ID=x\n',
  '/srv/tree/usr/bin/': '',
  '/srv/tree/link': { to: 'usr' },
};

/** Everything transactions are used for, with foreign files in the way. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  'attach to a host without attachments': {
    plant: (root) => plant(root, { '/etc/hosts': 'x' }),
    plan: plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1'), ...unitSteps('b.socket', '1')),
  },
  'attach over foreign files': {
    plant: (root) =>
      plant(root, {
        [`${attached}/a.service`]: 'foreign unit\n',
        [`${attached}/a.service.d/20-portable.conf`]: 'foreign drop-in\n',
        [`${attached}/a.service.d/10-profile.conf`]: { to: '/foreign' },
        [`${attached}/a.service.d/50-foreign.conf`]: 'foreign\n',
        [`${attached}/other.service`]: 'other\n',
      }),
    plan: plan(
      'attach',
      step.mkdir(attached),
      ...unitSteps('a.service', '2', true),
      ...unitSteps('b.service', '2', true),
      step.symlink(`${links}/image.raw`, '/srv/image.raw'),
    ),
  },
  'detach one of two, foreign files beside it': {
    plant: (root) =>
      plant(root, {
        ...unitContent('a.service', '1'),
        ...unitContent('b.service', '1'),
        ...unitContent('c.service', '1'),
        [`${attached}/b.service.d/50-foreign.conf`]: 'foreign\n',
        [`${links}/image.raw`]: { to: '/srv/image.raw' },
      }),
    plan: plan(
      'detach',
      ...removalSteps('a.service'),
      ...removalSteps('b.service'),
      step.unlink(`${links}/image.raw`),
      step.rmdir(attached),
    ),
  },
  'detach the last': {
    plant: (root) => plant(root, unitContent('a.service', '1')),
    plan: plan('detach', ...removalSteps('a.service'), step.rmdir(attached)),
  },
  'reattach: one unit stays, one comes, one goes': {
    plant: (root) =>
      plant(root, { ...unitContent('stays.service', '1'), ...unitContent('goes.service', '1') }),
    plan: plan(
      'reattach',
      step.mkdir(attached),
      ...unitSteps('stays.service', '2', true),
      ...unitSteps('comes.service', '2', true),
      ...removalSteps('goes.service'),
    ),
  },
  'reattach with copies of images': {
    plant: (root) => {
      plant(root, {
        ...image,
        '/srv/new.raw': 'raw image 2',
        ...unitContent('a.service', '1'),
        [`${links}/old.raw`]: 'raw image 1',
        [`${links}/same.raw`]: 'raw image 1',
      });
      cpSync(path.join(root, 'srv/tree'), path.join(root, links, 'tree'), {
        recursive: true,
        verbatimSymlinks: true,
      });
      writeFileSync(path.join(root, links, 'tree/used'), 'written by the service');
    },
    plan: plan(
      'reattach',
      step.mkdir(attached),
      ...unitSteps('a.service', '2', true),
      step.copyImage(`${links}/new-tree`, '/srv/tree'),
      step.copyImage(`${links}/new.raw`, '/srv/new.raw'),
      step.copyImage(`${links}/same.raw`, '/srv/new.raw', true),
      step.unlink(`${links}/old.raw`, true),
      step.unlink(`${links}/tree`, true),
    ),
  },
};

/** Makes the host of a scenario in a new directory below `scratch`. */
export function plantScenario(scratch: string, { plant: put }: Scenario): string {
  const root = mkdtempSync(path.join(scratch, 'root-'));
  mkdirSync(path.join(root, 'etc/systemd'), { recursive: true });
  put(root);
  return root;
}
