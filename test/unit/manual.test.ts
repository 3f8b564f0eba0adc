/** The manual pages: they say what there is, all of it and nothing else, and can be shown without a complaint. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { helpText } from '../../src/build/arguments.ts';
import { options as clientOptions, type Option } from '../../src/client/command-line/options.ts';
import { verbs } from '../../src/client/command-line/verbs.ts';
import { parseCommandLine } from '../../src/daemon/args.ts';
import { options } from '../../src/daemon/config/options.ts';
import { helpText as dissectHelp } from '../../src/dissect/arguments.ts';
import { manualPages } from '../../src/install/plan.ts';
import { imageInterface } from '../../src/service/image.ts';
import { managerInterface } from '../../src/service/manager.ts';
import { tryRunSync } from '../support/run.ts';

const directory = path.join(import.meta.dirname, '../../docs/man');
const pages = readdirSync(directory).sort();
const read = (page: string): string => readFileSync(path.join(directory, page), 'utf8');

/** What mandoc says of the pages that are installed here; which those are is no matter of ours. */
function isAboutOthers(line: string): boolean {
  return /mandoc\.db|referenced manual not found/.test(line);
}

/** Pages of other packages that ours may refer to. */
const othersPages =
  `busctl.1 chroot.2 mkfs.erofs.1 mksquashfs.1 nsswitch.conf.5 org.freedesktop.LogControl1.5 os-release.5
  ssh.1 systemctl.1 systemd.1 systemd-dissect.1 systemd-portabled.8 veritysetup.8`.split(/\s+/);

/** The part of a page below a heading. */
function section(page: string, title: string): string {
  const [, text] = read(page).split(`.Sh ${title}\n`);
  assert.ok(text !== undefined, `${page} has a section ${title}`);
  return text.split('\n.Sh ')[0] ?? '';
}

const sorted = (words: Iterable<string>): readonly string[] => [...new Set(words)].sort();
const all = (text: string, pattern: RegExp): readonly string[] =>
  [...text.matchAll(pattern)].map(([, word = '']) => word);

describe('the manual', () => {
  it('is installed, every page of it', () => {
    assert.deepEqual(pages, manualPages);
  });

  for (const page of pages) {
    it(`${page} is shown without warnings`, () => {
      const file = path.join(directory, page);
      const lint = tryRunSync('mandoc', ['-T', 'lint', '-W', 'style', file]);
      const complaints = lint.stdout.split('\n').filter((line) => line !== '' && !isAboutOthers(line));
      assert.deepEqual(complaints, []);
      const shown = tryRunSync('man', ['--warnings', '-E', 'UTF-8', '-l', file]);
      // how a paragraph breaks is a matter of the formatter's version
      assert.equal(shown.stderr.replace(/^troff:.* cannot adjust line\n/gm, ''), '');
      assert.match(shown.stdout, /SEE ALSO/);
      assert.equal(read(page).match(/\.(?:Dt|Nm) (\S+)/g)?.[0], `.Dt ${page.slice(0, -2).toUpperCase()}`);
    });
  }

  it('refers to pages that there are', () => {
    const known = new Set([...pages, ...othersPages]);
    for (const page of pages) {
      const named = all(read(page), /^\.Xr (\S+ \d)/gm).map((each) => each.replace(' ', '.'));
      assert.notEqual(named.length, 0);
      assert.deepEqual(
        named.filter((each) => !known.has(each)),
        [],
        page,
      );
    }
  });

  it('portabled(8) has every option', () => {
    const command = parseCommandLine(['--help'], '');
    const help = command.kind === 'print' ? command.text : '';
    const listed = all(section('portabled.8', 'OPTIONS'), /^\.It Fl (?:h , Fl )?-([a-z-]+)/gm);
    assert.deepEqual(sorted(listed), sorted(all(help, /--([a-z-]+) /g).filter((name) => name !== 'help;')));
  });

  it('portabled-dissect(1) has every option', () => {
    const listed = all(section('portabled-dissect.1', 'OPTIONS'), /^\.It Fl (?:[hl] , Fl )?-([a-z-]+)/gm);
    assert.deepEqual(sorted(listed), sorted(all(dissectHelp, /^ .*--([a-z-]+)/gm)));
  });

  it('portablectl(1) has every command and every option, with their arguments', () => {
    const commands = all(section('portablectl.1', 'COMMANDS'), /^\.It Cm ([a-z-]+)/gm);
    assert.deepEqual(
      commands,
      verbs.map((verb) => verb.name),
    );
    const lines = all(section('portablectl.1', 'OPTIONS'), /^\.It (Fl .*)$/gm);
    const listed = lines.map((line) => {
      const [, short, name = '', argument] =
        /^(?:Fl (\w) , )?Fl -([a-z-]+)(?: Ns = Ns (.*))?$/.exec(line) ?? [];
      return [name, short, argument?.replace(/ ?\b(?:Oo|Oc|Ar|Ns)\b ?/g, '')];
    });
    const there = clientOptions.map(({ name, short, argument }: Option) => {
      return [name, short, argument?.name.replace(/[[\]]/g, '')];
    });
    const byName = (a: readonly unknown[], b: readonly unknown[]): number => (String(a) < String(b) ? -1 : 1);
    assert.deepEqual(listed.sort(byName), there.sort(byName));
  });

  it('portable-build(1) has every option', () => {
    const page = read('portable-build.1');
    const listed = all(page.replace(/^\.Sh BUILD FILE[^]*/m, ''), /(?<=^\.It .*)Fl -([a-z-]+)/gm);
    assert.deepEqual(
      sorted(listed),
      sorted(all(helpText(), /--([a-z-]+)/g).filter((name) => name !== 'build')),
    );
  });

  it('portabled.conf(5) has every setting, with its default', () => {
    for (const name of new Set(options.map((option) => option.section))) {
      const text = section('portabled.conf.5', `[${name.toUpperCase()}] SETTINGS`);
      const own = options.filter((option) => option.section === name);
      assert.deepEqual(
        all(text, /^\.It Cm (\w+)=$/gm),
        own.map((option) => option.key),
      );
      for (const { key, byDefault } of own) {
        const [, entry = ''] = text.split(`.It Cm ${key}=\n`);
        const [meaning = ''] = entry.split('\n.It ');
        assert.ok(
          new RegExp(`Default:\\s(?:\\.Cm )?${byDefault}\\b|\\.Cm ${byDefault} ,\\s+the default`).test(
            meaning,
          ),
          `${key}: ${byDefault}`,
        );
      }
    }
  });

  it('org.freedesktop.portable1(5) has every method and property', () => {
    const page = 'org.freedesktop.portable1.5';
    const methods = all(section(page, 'METHODS'), /Fn ([A-Z]\w+)/g);
    const hidden = 'ReattacheWithExtensions';
    const there = [managerInterface, imageInterface].flatMap(({ methods: own }) => Object.keys(own));
    assert.deepEqual(
      sorted(methods),
      sorted(there).filter((name) => name !== hidden),
    );
    for (const [title, { properties }] of [
      ['PROPERTIES OF THE MANAGER', managerInterface],
      ['PROPERTIES OF AN IMAGE', imageInterface],
    ] as const) {
      const named = all(section(page, title), /^\.It Va (.*) Pq /gm).flatMap((line) => line.split(' , '));
      assert.deepEqual(sorted(named), sorted(Object.keys(properties)));
    }
  });

  it('org.freedesktop.portable1(5) has the arguments in their order', () => {
    const text = section('org.freedesktop.portable1.5', 'METHODS');
    for (const [name, method] of Object.entries(managerInterface.methods)) {
      const [, names = ''] = new RegExp(`^\\.It Fn ${name}(.*?)(?: Pq .*)?$`, 'm').exec(text) ?? [];
      assert.deepEqual(
        names.trim().split(' ').filter(Boolean),
        method.in.map(([argument]) => argument),
        name,
      );
    }
  });
});
