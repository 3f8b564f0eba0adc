/** Enabling and disabling in a tree, compared with `systemctl --root`. */
import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemPaths } from '../../src/base/host-paths.ts';
import { PortableError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { linksToRemove } from '../../src/host/enabling/disable.ts';
import { linksToEnable } from '../../src/host/enabling/enable.ts';
import { writeTree } from '../support/portable-root.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { cases, type EnablingCase } from './enabling-cases.ts';
import { bootHost, type Host } from './host.ts';
import { chosenSuites, hostSettings, suites } from './settings.ts';

const settings = hostSettings(process.env);
const directory = '/etc/systemd/system';

/** What became of a tree: the links in it, or that it was refused. */
type Outcome = readonly string[] | 'refused';

for (const suite of chosenSuites(process.env, ['trixie'])) {
  describe(`units in a tree, as systemctl ${suites[suite]} enables them`, () => {
    let host: Host;
    const theirs = new Map<EnablingCase, Outcome>();
    const trees = scratchDirectory('enabling');
    const treeOf = (index: number): string => path.join(trees, String(index));

    before(async () => {
      for (const [index, each] of cases.entries()) furnish(treeOf(index), each);
      host = await bootHost({ ...settings, suite });
      await host.copyIn(trees, '/srv/trees');
      const commands = cases.map(({ enable, disable = [] }, index) => {
        const what = enable === undefined ? ['disable', ...disable] : ['enable', ...enable];
        return `systemctl --root=/srv/trees/${index} ${what.join(' ')} >/dev/null 2>&1; echo $?\n`;
      });
      await host.write('/srv/run', commands.join(''));
      const statuses = (await host.check(['sh', '/srv/run'])).trim().split('\n');
      assert.equal(statuses.length, cases.length);
      for (const [index, each] of cases.entries()) {
        theirs.set(each, statuses[index] === '0' ? linksIn(host.path(`/srv/trees/${index}`)) : 'refused');
      }
    });
    after(() => host.stop());

    for (const [index, each] of cases.entries()) {
      it(each.name, async () => {
        const ours = await apply(treeOf(index), each);
        const expected = theirs.get(each);
        if (each.weTake === undefined) assert.deepEqual(ours, expected);
        else assert.deepEqual([ours === 'refused', expected], [false, 'refused'], each.weTake);
      });
    }

    it('the cases do something', () => {
      const before = scratchDirectory('enabling-before');
      const changed = cases.filter((each, index) => {
        const tree = path.join(before, String(index));
        furnish(tree, each);
        return JSON.stringify(linksIn(tree)) !== JSON.stringify(theirs.get(each));
      });
      assert.ok(changed.length > cases.length * 0.8, `${changed.length} of ${cases.length}`);
    });
  });
}

function furnish(tree: string, { units, files = {}, links = {} }: EnablingCase): void {
  mkdirSync(path.join(tree, directory), { recursive: true });
  writeTree(tree, files);
  for (const [unit, install] of Object.entries(units)) {
    const section = install === '' ? '' : `[Install]\n${install}\n`;
    writeTree(tree, {
      [`/etc/systemd/system.attached/${unit}`]: `[Service]\nExecStart=/bin/true\n${section}`,
    });
  }
  for (const [at, target] of Object.entries(links)) {
    mkdirSync(path.dirname(path.join(tree, at)), { recursive: true });
    symlinkSync(target, path.join(tree, at));
  }
}

/** Does to a copy of the tree what we would do. */
async function apply(original: string, { enable = [], disable = [] }: EnablingCase): Promise<Outcome> {
  const root = `${original}.ours`;
  cpSync(original, root, { recursive: true, verbatimSymlinks: true });
  const tree = { root, unitPath: systemPaths().unitPath };
  try {
    for (const link of await linksToRemove({ tree, directory, units: disable })) {
      rmSync(path.join(root, link));
      const group = path.dirname(path.join(root, link));
      if (readdirSync(group).length === 0) rmdirSync(group);
    }
    for (const link of await linksToEnable({
      tree,
      directory,
      units: enable,
      force: false,
      log: silentLog,
    })) {
      const at = path.join(root, link.path);
      mkdirSync(path.dirname(at), { recursive: true });
      rmSync(at, { force: true });
      symlinkSync(link.target, at);
    }
    return linksIn(root);
  } catch (error) {
    if (error instanceof PortableError) return 'refused';
    throw error;
  }
}

/** All links below the directories of units, and those of these directories that are for links, as lines. */
function linksIn(root: string): readonly string[] {
  const lines: string[] = [];
  const visit = (inside: string): void => {
    for (const entry of readdirSync(path.join(root, inside), { withFileTypes: true })) {
      const at = `${inside}/${entry.name}`;
      if (entry.isSymbolicLink()) lines.push(`${at} -> ${readlinkSync(path.join(root, at))}`);
      else if (entry.isDirectory()) {
        if (/\.(?:wants|requires|upholds)$/.test(at)) lines.push(at);
        visit(at);
      }
    }
  };
  for (const top of ['/etc', '/run', '/usr']) if (existsSync(path.join(root, top))) visit(top);
  return lines.sort();
}
