/** Two hosts with the same files: on one systemd's daemon serves, on the other ours. */
import { appendFile, chmod, lstat, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { execa } from 'execa';
import type { BusReply, HostBus } from '../bus.ts';
import { bootHost, tester, type Host } from '../host.ts';
import { withPortabled } from '../install-portabled.ts';
import { busOwner } from '../serving.ts';
import type { HostSettings, Suite } from '../settings.ts';
import { diffSnapshots, snapshotHost, type TreeSnapshot } from '../tree-snapshot.ts';
import type { CallStep, Case, Line, Step } from './case.ts';
import { fixtureDirectories, writeFixtures } from './fixtures.ts';
import { replyLines, type Naming } from './transcript.ts';

/** Users that polkit treats alike on both hosts: asked for a password; allowed everything; refused everything. */
export const users = { asked: tester.uid, allowed: 1001, refused: 1002 } as const;

/** The two hosts. */
export interface Twins {
  readonly systemd: Twin;
  readonly ours: Twin;
  stop(): Promise<void>;
}

/** Boots both. */
export async function bootTwins(settings: HostSettings, suite: Suite): Promise<Twins> {
  const fixtures = await mkdtemp(path.join(tmpdir(), 'differential-'));
  await chmod(fixtures, 0o755); // it becomes the root of the hosts
  await writeFixtures(fixtures);
  const { binds, prepare } = withPortabled();
  const boot = (ours: boolean): Promise<Host> =>
    bootHost({
      ...settings,
      suite,
      binds: ours ? binds : [],
      prepare: async (overlay) => {
        if (ours) await prepare(overlay);
        await execa('cp', ['-a', `${fixtures}/.`, overlay]);
        await addUsers(overlay);
      },
    });
  const started = await Promise.allSettled([boot(false), boot(true)]);
  const hosts = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(hosts.map((host) => host.stop()));
    await rm(fixtures, { recursive: true });
  };
  const [first, second] = hosts;
  if (first === undefined || second === undefined) {
    await stop();
    throw new Error(`the twins on ${suite} do not both boot`, {
      cause: started.find((each) => each.status === 'rejected')?.reason,
    });
  }
  const [systemd, ours] = [new Twin(first, fixtures), new Twin(second, fixtures)];
  for (const [twin, unit] of [
    [systemd, 'systemd-portabled.service'],
    [ours, 'portabled.service'],
  ] as const) {
    const owner = await busOwner(twin.host);
    if (owner.unit !== unit) throw new Error(`${owner.unit} serves where ${unit} should`);
    await twin.remember();
  }
  return { systemd, ours, stop };
}

async function addUsers(overlay: string): Promise<void> {
  for (const [name, uid] of Object.entries(users)) {
    if (uid === tester.uid) continue;
    await appendFile(path.join(overlay, 'etc/passwd'), `${name}:x:${uid}:${uid}::/nonexistent:/bin/sh\n`);
    await appendFile(path.join(overlay, 'etc/group'), `${name}:x:${uid}:\n`);
  }
  const rules = path.join(overlay, 'etc/polkit-1/rules.d');
  await mkdir(rules, { recursive: true });
  await writeFile(
    path.join(rules, '10-test.rules'),
    `polkit.addRule(function (action, subject) {
       if (action.id.indexOf('org.freedesktop.portable1.') != 0) return undefined;
       return { allowed: 'yes', refused: 'no' }[subject.user];
     });\n`,
  );
}

/** Where nothing is when a case begins: attached units, and links and copies of images. */
const attachedDirectories = ['/etc/systemd/system.attached', '/run/systemd/system.attached'] as const;
const linkDirectories = ['/etc/portables', '/run/portables'] as const;

/** A host, kept in order. */
export class Twin {
  readonly host: Host;
  readonly #fixtures: string;
  readonly #buses = new Map<number, Promise<HostBus>>();
  /** Every image at the start: what tells whether it has been touched. */
  readonly #original = new Map<string, string>();

  constructor(host: Host, fixtures: string) {
    this.host = host;
    this.#fixtures = fixtures;
  }

  /** Takes note of how the images are now. */
  async remember(): Promise<void> {
    for (const file of await this.#images()) this.#original.set(file, await this.#identity(file));
  }

  /** Does what a case says, and tells what came of it. */
  async play({ steps }: Case): Promise<readonly Line[]> {
    const lines: Line[] = [];
    let n = 0;
    let before = await this.#snapshot();
    for (const step of steps) {
      if (typeof step === 'function') {
        await step(this.host);
        before = await this.#snapshot();
        continue;
      }
      n++;
      const reply = await this.#call(step);
      const naming = await this.#naming(reply);
      lines.push(...replyLines(n, step, reply, naming));
      if (!changes.test(step.member)) continue;
      const after = await this.#snapshot();
      lines.push(...treeLines(n, before, after));
      before = after;
    }
    return lines;
  }

  /** Puts everything back that a case may have touched. */
  async reset(): Promise<void> {
    for (const directory of [...attachedDirectories, ...linkDirectories]) await this.#remove(directory);
    for (const file of await this.#images()) {
      if (!this.#original.has(file)) await this.#remove(file);
    }
    for (const [file, identity] of this.#original) {
      if ((await this.#identity(file)) === identity) continue;
      await this.#remove(file);
      await execa('cp', ['-a', '-T', path.join(this.#fixtures, file), this.host.path(file)]);
      this.#original.set(file, await this.#identity(file));
    }
  }

  async #call(call: CallStep): Promise<BusReply> {
    const uid = call.uid ?? 0;
    let bus = this.#buses.get(uid);
    if (bus === undefined) {
      bus = this.host.bus({ uid });
      this.#buses.set(uid, bus);
    }
    return await (await bus).call(call);
  }

  /** Attached units in full, links and copies of images each in a line, and which images there are, with their modes. */
  async #snapshot(): Promise<TreeSnapshot> {
    const snapshot = new Map(await snapshotHost(this.host, { trees: attachedDirectories }));
    for (const directory of linkDirectories) {
      const names = await readdir(this.host.path(directory)).catch(() => undefined);
      if (names === undefined) continue;
      snapshot.set(directory, 'directory');
      for (const name of names) {
        const file = path.join(directory, name);
        const [head, ...below] = await snapshotHost(this.host, { trees: [file] });
        const digest = createHash('sha256').update(JSON.stringify(below)).digest('hex').slice(0, 12);
        snapshot.set(
          file,
          `${head?.[1]}${below.length === 0 ? '' : ` with ${below.length} files, ${digest}`}`,
        );
      }
    }
    for (const file of await this.#images()) {
      const { mode } = await lstat(this.host.path(file));
      snapshot.set(file, `mode ${mode.toString(8)}`);
    }
    return snapshot;
  }

  async #images(): Promise<readonly string[]> {
    const lists = fixtureDirectories.map(async (directory) =>
      (await readdir(this.host.path(directory))).map((name) => path.join(directory, name)),
    );
    return (await Promise.all(lists)).flat();
  }

  /** Changes whenever the file itself is changed or replaced. */
  async #identity(file: string): Promise<string> {
    const found = await lstat(this.host.path(file), { bigint: true }).catch(() => undefined);
    return found === undefined ? 'gone' : `${found.ino} ${found.mode} ${found.ctimeNs}`;
  }

  async #remove(file: string): Promise<void> {
    const outside = this.host.path(file);
    await rm(outside, { recursive: true, force: true }).catch(async () => {
      await execa('chattr', ['-R', '-i', outside], { reject: false });
      await rm(outside, { recursive: true });
    });
  }

  /** Words for the times of images, which differ from host to host. */
  async #naming(reply: BusReply): Promise<Naming> {
    if (!reply.ok || !/[tv]/.test(reply.signature)) return () => undefined;
    const words = new Map<bigint, string>();
    const versions = (await this.#images()).filter((file) => file.endsWith('.v'));
    for (const directory of [...fixtureDirectories, '/etc/portables', ...versions]) {
      for (const name of await readdir(this.host.path(directory)).catch(() => [])) {
        const found = await stat(this.host.path(path.join(directory, name)), { bigint: true }).catch(
          () => undefined,
        );
        if (found === undefined) continue;
        words.set(found.birthtimeNs / 1000n, `creation of ${directory}/${name}`);
        words.set(found.mtimeNs / 1000n, `modification of ${directory}/${name}`);
      }
    }
    return (value) => words.get(value);
  }
}

/** Calls that may change files. */
const changes = /tach|Remove|ReadOnly|Limit/;

function treeLines(n: number, before: TreeSnapshot, after: TreeSnapshot): readonly Line[] {
  return diffSnapshots(before, after).map((text) => ({ call: n, kind: 'file', text }));
}

export type { Step };
