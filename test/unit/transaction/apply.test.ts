import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { apply } from '../../../src/transaction/apply.ts';
import { recover } from '../../../src/transaction/recover.ts';
import type { Plan } from '../../../src/transaction/steps.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import {
  attached,
  environment,
  journalDirectory,
  links,
  plan,
  plant,
  plantScenario,
  present,
  removalSteps,
  scenarios,
  step,
  unitSteps,
} from '../../support/transaction-host.ts';

const scratch = scratchDirectory('apply');

/** A host with these files. */
function host(content: Parameters<typeof plant>[1] = {}): string {
  return plantScenario(scratch, { plan: plan('attach'), plant: (root) => plant(root, content) });
}

/** The plan fails like this, and leaves the host as it was. */
async function refuses(root: string, refused: Plan, code: string, message: RegExp): Promise<void> {
  const before = present(root);
  await failsWith(apply(refused, environment(root)), code, message);
  assert.deepEqual(present(root), before);
}

const done = async (root: string, p: Plan) =>
  (await apply(p, environment(root))).map((each) => `${each.step.kind} ${each.step.path}`);

describe('apply', () => {
  it('writes files, links and directories, and lists them in order', async () => {
    const root = host();
    const dropIns = `${attached}/a.service.d`;
    assert.deepEqual(await done(root, plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1'))), [
      `mkdir ${attached}`,
      `mkdir ${dropIns}`,
      `write ${dropIns}/20-portable.conf`,
      `symlink ${dropIns}/10-profile.conf`,
      `copy ${attached}/a.service`,
    ]);
    assert.equal(readFileSync(path.join(root, attached, 'a.service'), 'utf8'), '[Service]\n# 1\n');
    assert.equal(readlinkSync(path.join(root, dropIns, '10-profile.conf')), '/usr/lib/profile-1');
    assert.equal(statSync(path.join(root, attached, 'a.service')).nlink, 1);
  });

  it('leaves no file of its own behind', async () => {
    for (const scenario of Object.values(scenarios)) {
      const root = plantScenario(scratch, scenario);
      await apply(scenario.plan, environment(root));
      assert.deepEqual(
        present(root).filter((line) => line.includes('.#portabled')),
        [],
      );
      assert.deepEqual(readdirSync(journalDirectory(root)), []);
    }
  });

  it('gives exact modes whatever the umask', async () => {
    const root = host();
    const umask = process.umask(0o077);
    try {
      const steps = [
        step.mkdir(attached, 0o755),
        { ...step.write(`${attached}/x`, ''), mode: 0o666 } as const,
      ];
      await apply(plan('attach', ...steps), environment(root));
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(path.join(root, attached)).mode & 0o7777, 0o755);
    assert.equal(statSync(path.join(root, attached, 'x')).mode & 0o7777, 0o666);
  });

  it('lists only what changed something', async () => {
    const root = host({
      [`${attached}/a.service.d/20-portable.conf`]: 'x',
      [`${attached}/a.service.d/foreign`]: '',
    });
    assert.deepEqual(
      await done(root, plan('attach', step.mkdir(attached), step.mkdir(`${attached}/a.service.d`))),
      [],
    );
    assert.deepEqual(await done(root, plan('detach', ...removalSteps('a.service'), step.rmdir(attached))), [
      `unlink ${attached}/a.service.d/20-portable.conf`,
    ]);
    assert.ok(existsSync(path.join(root, attached, 'a.service.d/foreign')));
  });

  it('creates a base directory, and those on the way to it, without listing them', async () => {
    const root = host();
    renameSync(path.join(root, 'etc'), path.join(root, 'gone'));
    assert.deepEqual(await done(root, plan('attach', step.symlink(`${links}/x`, '/y'))), [
      `symlink ${links}/x`,
    ]);
    assert.equal(statSync(path.join(root, links)).mode & 0o7777, 0o755);
  });

  it('replaces by rename: the name is never missing', async () => {
    const root = host({ [`${attached}/a.service`]: 'old' });
    const before = statSync(path.join(root, attached, 'a.service')).ino;
    await apply(plan('reattach', step.copy(`${attached}/a.service`, 'new', true)), environment(root));
    const after = statSync(path.join(root, attached, 'a.service'));
    assert.notEqual(after.ino, before);
    assert.equal(after.nlink, 1);
  });

  it('copies images: trees with links and modes, sparse files with their holes', async () => {
    const root = host({
      '/srv/tree/dir/file': 'content',
      '/srv/tree/link': { to: '../../etc' },
      '/srv/raw': '',
    });
    truncateSync(path.join(root, 'srv/raw'), 64 * 1024 * 1024);
    chmodSync(path.join(root, 'srv/tree/dir'), 0o2711);
    const steps = [step.copyImage(`${links}/tree`, '/srv/tree'), step.copyImage(`${links}/raw`, '/srv/raw')];
    await apply(plan('attach', ...steps), environment(root));
    assert.equal(readFileSync(path.join(root, links, 'tree/dir/file'), 'utf8'), 'content');
    assert.equal(readlinkSync(path.join(root, links, 'tree/link')), '../../etc');
    assert.equal(statSync(path.join(root, links, 'tree/dir')).mode & 0o7777, 0o2711);
    const raw = statSync(path.join(root, links, 'raw'));
    assert.equal(raw.size, 64 * 1024 * 1024);
    assert.ok(raw.blocks < 1024, `${raw.blocks} blocks`);
  });

  it('copies over what is there only when told to, a directory too', async () => {
    const root = host({ '/srv/tree/new': 'new', [`${links}/tree/old`]: 'old' });
    const copy = (replace: boolean) => plan('attach', step.copyImage(`${links}/tree`, '/srv/tree', replace));
    await refuses(root, copy(false), 'FileExists', /portables\/tree' exists already/);
    assert.deepEqual(await done(root, copy(true)), [`copy-image ${links}/tree`]);
    assert.deepEqual(readdirSync(path.join(root, links, 'tree')), ['new']);
  });

  it('makes the plan under the lock', async () => {
    const root = host();
    const events: string[] = [];
    const lock = {
      acquire: () => {
        events.push('locked');
        return Promise.resolve(() => {
          events.push('unlocked');
          return Promise.resolve();
        });
      },
    };
    const planner = () => {
      events.push('planned');
      return Promise.resolve(plan('attach', step.mkdir(attached)));
    };
    await apply(planner, environment(root, { lock }));
    assert.deepEqual(events, ['locked', 'planned', 'unlocked']);
    await assert.rejects(
      apply(() => Promise.reject(new Error('no such image')), environment(root, { lock })),
      /no such image/,
    );
    assert.equal(events.at(-1), 'unlocked');
  });

  it('reports progress as files are staged', async () => {
    const seen: string[] = [];
    const progress = (staged: number, total: number) => void seen.push(`${staged}/${total}`);
    await apply(plan('attach', ...unitSteps('a.service', '1')), environment(host(), { progress }));
    assert.deepEqual(seen, ['1/3', '2/3', '3/3']);
  });
});

describe('apply refuses', () => {
  it('to replace what the plan does not want replaced', async () => {
    const root = host({ [`${attached}/a.service`]: 'foreign' });
    const attach = plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1'));
    await refuses(root, attach, 'FileExists', /'\/etc\/systemd\/system.attached\/a.service' exists already/);
  });

  it('a directory where a file should be, and a file where a directory should be', async () => {
    const root = host({ [`${attached}/a.service/`]: '', [`${attached}/b.service.d`]: 'file' });
    const isDirectory = /a.service': there is a directory of that name/;
    await refuses(root, plan('attach', step.write(`${attached}/a.service`, '', true)), 'Failed', isDirectory);
    await refuses(root, plan('detach', step.unlink(`${attached}/a.service`)), 'Failed', isDirectory);
    const notDirectory = /b.service.d' should be a directory, but a file is there/;
    await refuses(root, plan('attach', ...unitSteps('b.service', '1')), 'Failed', notDirectory);
  });

  it('to follow a symlink below a base directory', async () => {
    const root = host({ '/etc/victim/': '', [`${attached}/a.service.d`]: { to: '/etc/victim' } });
    const symlink = /a.service.d' should be a directory, but a symbolic link is there/;
    await refuses(root, plan('attach', ...unitSteps('a.service', '1')), 'Failed', symlink);
    await refuses(root, plan('detach', ...removalSteps('a.service')), 'Failed', symlink);
  });

  it('paths outside of the base directories, or not normalized', async () => {
    const root = host();
    for (const bad of [
      '/etc/passwd',
      `${attached}/../x`,
      `${attached}//x`,
      'x',
      `${attached}x/y`,
      `${attached}/x/`,
    ]) {
      await refuses(root, plan('attach', step.write(bad, '')), 'InvalidArgs', /not a place for attachments/);
    }
  });

  it('a plan that names a file twice', async () => {
    const twice = plan('attach', step.write(`${attached}/x`, '1'), step.unlink(`${attached}/x`));
    await refuses(host(), twice, 'InvalidArgs', /names .*x' twice/);
  });

  it('a directory that the plan forgot to make, and takes the rest back', async () => {
    const forgot = plan('attach', step.write(`${attached}/a`, ''), step.write(`${attached}/b.d/c`, ''));
    await refuses(host(), forgot, 'FileNotFound', /b.d\/c/);
  });

  it('a base that is not a directory', async () => {
    const root = host({ [attached]: 'a file' });
    await refuses(root, plan('attach', ...unitSteps('a.service', '1')), 'FileExists', /is not a directory/);
  });

  it('an image that is not there, or is neither file nor directory', async () => {
    const root = host({ '/srv/x': '' });
    const copy = (from: string) => plan('attach', step.copyImage(`${links}/x`, from));
    await refuses(root, copy('/srv/missing'), 'FileNotFound', /\/srv\/missing/);
    symlinkSync('/dev/null', path.join(root, 'srv/device'));
    mkdirSync(path.join(root, 'dev'));
    await refuses(root, copy('/srv/device'), 'FileNotFound', /\/srv\/device/);
  });
});

describe('apply in a root', () => {
  it('takes absolute links on the way to a base as inside the root', async () => {
    const root = host({ '/data/attached/': '' });
    symlinkSync('/data/attached', path.join(root, attached));
    await apply(plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1')), environment(root));
    assert.deepEqual(readdirSync(path.join(root, 'data/attached')), ['a.service', 'a.service.d']);
  });

  it("never removes a base that is the administrator's link", async () => {
    const root = host({ '/data/attached/': '' });
    symlinkSync('/data/attached', path.join(root, attached));
    assert.deepEqual(await done(root, plan('detach', step.rmdir(attached))), []);
    assert.ok(existsSync(path.join(root, 'data/attached')));
  });
});

describe('cancelling', () => {
  const attach = plan('attach', step.mkdir(attached), ...unitSteps('a.service', '1'));

  it('before anything leaves nothing', async () => {
    const root = host();
    const before = present(root);
    const env = environment(root, { signal: AbortSignal.abort() });
    await failsWith(apply(attach, env), 'Cancelled', /the attach of '\/srv\/image' was cancelled/);
    assert.deepEqual(present(root), before);
  });

  it('while staging takes everything back', async () => {
    const root = host();
    const before = present(root);
    const abort = new AbortController();
    const progress = (staged: number) => {
      if (staged === 2) abort.abort();
    };
    const env = environment(root, { signal: abort.signal, progress });
    await failsWith(apply(attach, env), 'Cancelled', /cancelled/);
    assert.deepEqual(present(root), before);
    assert.deepEqual(await recover(environment(root)), []);
  });

  it('stops a copy under way and removes what there is of it', async () => {
    const root = host({ '/srv/tree/': '' });
    for (let i = 0; i < 2000; i++) writeFileSync(path.join(root, 'srv/tree', String(i)), 'x'.repeat(4096));
    const before = present(root);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 5);
    const copy = plan('attach', step.mkdir(links), step.copyImage(`${links}/tree`, '/srv/tree'));
    await failsWith(apply(copy, environment(root, { signal: abort.signal })), 'Cancelled', /cancelled/);
    assert.deepEqual(present(root), before);
  });
});
