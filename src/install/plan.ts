/** What gets installed where, as data. */
import { join, parse, relative } from 'node:path';

import { completionFiles } from '../completion/files.ts';
import { repository } from './layout.ts';
import { builder, client, daemon, dissect, type Program } from './names.ts';

export interface InstallSettings {
  /** Directory the daemon goes below, as seen by the installed system. */
  readonly prefix: string;
  /** The program that runs it, absolute, as seen by the installed system. */
  readonly node: string;
  /** Directory of the bundle, on disk. */
  readonly bundle: string;
}

/** One thing to be there; paths are absolute as seen by the installed system. */
export type Item = {
  readonly path: string;
  /**
   * Somebody else's file of that name is a reason to leave it alone ("keep": it does what ours would), or to stop
   * ("refuse": ours would not work with it, or it not with ours).
   */
  readonly foreign: 'keep' | 'refuse';
} & (
  | { readonly kind: 'file'; readonly source: string; readonly mode: number; readonly fill: boolean }
  | { readonly kind: 'directory'; readonly source: string }
  | { readonly kind: 'text'; readonly text: string; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
);

const busName = 'org.freedesktop.portable1';
const busAlias = `dbus-${busName}.service`;

/** The pages in docs/man: mdoc(7), which man(1) shows as it is. */
export const manualPages: readonly string[] = [
  'org.freedesktop.portable1.5',
  'portable-build.1',
  'portablectl.1',
  'portabled-dissect.1',
  'portabled.8',
  'portabled.conf.5',
];

/** The directory of the daemon's own files, and the list of everything installed in it. */
export function libraryDirectory(prefix: string): string {
  return join(prefix, 'lib/portabled');
}

/** Where the list of everything installed is. */
export function manifestFile(prefix: string): string {
  return join(libraryDirectory(prefix), 'installed.json');
}

/**
 * Everything that is installed.
 *
 * Units, bus activation and the rest have to be where others look for them, whatever the prefix: below /usr for a
 * distribution's package (prefix /usr), below /usr/local otherwise. The unit's alias in /etc is what puts us in front
 * of systemd's own daemon, in its place on the bus, without touching a file of its package: systemd.unit(5), "Unit File
 * Load Path". dbus-daemon reads bus policies, and polkit of Debian 12 its actions, only in the places used here.
 */
export function installPlan({ prefix, bundle }: InstallSettings): readonly Item[] {
  const lib = libraryDirectory(prefix);
  const vendor = prefix === '/usr';
  const shared = vendor ? '/usr' : '/usr/local';
  const unit = (name: string): string => `${shared}/lib/systemd/system/${name}`;
  const userUnit = `${shared}/lib/systemd/user/portabled.service`;
  return [
    { kind: 'directory', path: lib, source: bundle, foreign: 'refuse' },
    { kind: 'directory', path: join(lib, 'profile'), source: systemd('profile'), foreign: 'refuse' },
    {
      kind: 'directory',
      path: join(lib, 'user-profile'),
      source: systemd('user-profile'),
      foreign: 'refuse',
    },
    command(prefix, daemon, 'refuse'),
    // with the prefix /usr that is systemd's own, of another package
    command(prefix, client, 'keep'),
    command(prefix, dissect, 'refuse'),
    command(prefix, builder, 'refuse'),
    file(unit('portabled.service'), systemd('portabled.service'), 'refuse'),
    file(unit('portabled-recover.service'), systemd('portabled-recover.service'), 'refuse'),
    file(userUnit, systemd('portabled-user.service'), 'refuse'),
    link(`/etc/systemd/system/${busAlias}`, unit('portabled.service')),
    link(
      '/etc/systemd/system/sysinit.target.wants/portabled-recover.service',
      unit('portabled-recover.service'),
    ),
    link(`/etc/systemd/user/${busAlias}`, userUnit),
    file(`${shared}/share/dbus-1/system-services/${busName}.service`, dbus(`${busName}.service`), 'keep'),
    file(`${shared}/share/dbus-1/services/${busName}.service`, dbus(`${busName}.user.service`), 'keep'),
    file(`${shared}/share/dbus-1/interfaces/${busName}.xml`, dbus(`${busName}.xml`), 'keep'),
    file(
      `${vendor ? '/usr/share' : '/etc'}/dbus-1/system.d/portabled.conf`,
      dbus(`${busName}.conf`),
      'refuse',
    ),
    file('/usr/share/polkit-1/actions/portabled.policy', dbus(`${busName}.policy`), 'refuse'),
    file(join(prefix, 'share/doc/portabled/portabled.conf'), systemd('portabled.conf'), 'refuse'),
    ...manualPages.map((page) => manual(prefix, page)),
    ...completionFiles.map(({ path, text }): Item => {
      // below /usr, those of systemd's client are from another package
      return { kind: 'text', path: join(prefix, path), text, mode: 0o644, foreign: 'keep' };
    }),
  ];
}

/** The words that stand for what differs from host to host, and what they become in installed files. */
export function fillIn(text: string, { prefix, node }: InstallSettings): string {
  return text.replaceAll('@node@', node).replaceAll('@lib@', libraryDirectory(prefix));
}

function file(path: string, source: string, foreign: Item['foreign']): Item {
  return { kind: 'file', path, source, mode: 0o644, fill: true, foreign };
}

function link(path: string, target: string): Item {
  return { kind: 'link', path, target, foreign: 'refuse' };
}

/** Below /usr, packages of systemd have some of these pages, too. */
function manual(prefix: string, page: string): Item {
  const section = page.slice(page.lastIndexOf('.') + 1);
  const source = join(repository, 'docs/man', page);
  return {
    kind: 'file',
    path: join(prefix, `share/man/man${section}`, page),
    source,
    mode: 0o644,
    fill: false,
    foreign: 'keep',
  };
}

function systemd(name: string): string {
  return join(repository, 'systemd', name);
}

function dbus(name: string): string {
  return join(repository, 'dbus', name);
}

/** For people and scripts, who leave out the suffix. */
function command(prefix: string, { loader }: Program, foreign: Item['foreign']): Item {
  const target = relative(join(prefix, 'bin'), join(libraryDirectory(prefix), loader));
  return { kind: 'link', path: join(prefix, 'bin', parse(loader).name), target, foreign };
}
