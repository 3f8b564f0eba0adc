/** The images that both hosts have. Names say what is special about each. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { foundFiles, foundTrees, releaseFiles, releaseTrees } from './extension-fixtures.ts';
import { idleService, writeImageTree, writeSquashfsImage, type ImageContents } from '../images.ts';
import { writeFileSystemImages } from './file-system-fixtures.ts';
import { writeVerityImages } from './verity-fixtures.ts';

/** Directories of the host that images are put into; every case starts with them as they were. */
export const fixtureDirectories = [
  '/var/lib/portables',
  '/usr/lib/portables',
  '/usr/local/lib/portables',
  '/opt',
] as const;

/** Writes all images below a directory that is to become the root of a host. */
export async function writeFixtures(root: string): Promise<void> {
  for (const directory of fixtureDirectories) await mkdir(path.join(root, directory), { recursive: true });
  const jobs = [
    ...Object.entries(trees).map(([at, contents]) => writeImageTree(path.join(root, at), contents)),
    ...Object.entries(files).map(([at, contents]) =>
      writeSquashfsImage(path.join(root, at), contents, at.includes('xz') ? 'xz' : 'gzip'),
    ),
  ];
  await Promise.all(jobs);
  await writeVerityImages(root);
  await writeFileSystemImages(root);
  await writeOddities(root);
}

const release = { ID: 'test', VERSION_ID: '1' };

/** An image with units that wait; a comment tells versions apart. */
function image(
  units: readonly string[],
  osRelease: Readonly<Record<string, string>> | false = release,
  comment = '',
): ImageContents {
  return { osRelease, units: Object.fromEntries(units.map((name) => [name, unitText(name, comment)])) };
}

/** Text for a unit of any type. */
function unitText(name: string, comment = ''): string {
  const type = name.slice(name.lastIndexOf('.') + 1);
  const texts: Readonly<Record<string, string>> = {
    service: idleService,
    socket: `[Socket]\nListenStream=/run/${name}\n`,
    timer: '[Timer]\nOnActiveSec=1d\n',
    path: '[Path]\nPathExists=/nonexistent\n',
    target: '[Unit]\nDescription=A target\n',
  };
  return (texts[type] ?? '[Unit]\n') + comment;
}

const installable = `${idleService}[Install]\nWantedBy=multi-user.target\n`;

const extensionFields = { ...release, SYSEXT_IMAGE_ID: 'appimg', SYSEXT_VERSION_ID: '5', SYSEXT_ID: 'appid' };

function sysext(
  name: string,
  fields: Readonly<Record<string, string>> = extensionFields,
  units: readonly string[] = ['app.service'],
): ImageContents {
  return { extension: { name, kind: 'sysext', fields }, ...image(units) };
}

function confext(
  name: string,
  fields: Readonly<Record<string, string>> = { ...release, CONFEXT_ID: 'cid', CONFEXT_IMAGE_VERSION: '9' },
): ImageContents {
  return { extension: { name, kind: 'confext', fields }, files: { 'etc/app.conf': 'x' } };
}

const version1 = ['foo.service', 'foo-old.service', 'foo@.service'];
const version2 = ['foo.service', 'foo-new.service'];
const everyType = ['all.service', 'all.socket', 'all.timer', 'all.path', 'all.target', 'all@.service'];

/** Directory images. */
const trees: Readonly<Record<string, ImageContents>> = {
  ...releaseTrees,
  ...foundTrees,
  '/var/lib/portables/pool': image(['pool.service', 'pool-a.timer', 'other.service']),
  '/var/lib/portables/vdir.v/vdir_1': image(['vdir.service']),
  '/var/lib/portables/vdir.v/vdir_2': image(['vdir.service']),
  '/usr/lib/portables/vendor': image(['vendor.service']),
  '/usr/local/lib/portables/local': image(['local.service']),
  '/opt/dir': image(['dir.service', 'dir-a.timer', 'other.service']),
  '/opt/all': image([
    ...everyType,
    'all.mount',
    'all.slice',
    'all.swap',
    'all.automount',
    'all.scope',
    'all.device',
  ]),
  '/opt/all_2': image(['all.service', 'all.socket']),
  '/opt/install': { ...image([]), units: { 'install.service': installable } },
  '/opt/pfx': image(['pfx.service', 'pfx-x.service', 'other.service', 'none.service'], {
    ...release,
    PORTABLE_PREFIXES: 'pfx other third',
  }),
  '/opt/noid': image(['noid.service'], { VERSION_ID: '1' }),
  '/opt/emptyid': image(['emptyid.service'], { ID: '' }),
  '/opt/noos': image(['noos.service'], false),
  '/opt/nounits': image([]),
  '/opt/scopeuser': image(['scopeuser.service'], { ...release, PORTABLE_SCOPE: 'user' }),
  '/opt/scopeany': image(['scopeany.service'], { ...release, PORTABLE_SCOPE: 'any' }),
  '/opt/scopesystem': image(['scopesystem.service'], { ...release, PORTABLE_SCOPE: 'system' }),
  '/opt/scopebogus': image(['scopebogus.service'], { ...release, PORTABLE_SCOPE: 'bogus' }),
  '/opt/foobar': image(['foobar.service']),
  '/opt/clash': image(['clash.service']),
  '/opt/clashes': image(['clashes.service', 'clashes-2.service']),
  '/opt/holder': image(['foo-new.service']),
  '/opt/inst': image(['inst@.service']),
  '/opt/base_d': image([]),
  '/opt/app_d': sysext('app_d'),
  '/opt/conf_d': confext('conf_d'),
  '/opt/norelease_d': { ...image([]), osRelease: false },
  '/opt/wrongname_d': sysext('othername'),
  '/opt/name_image': image(['name.service'], { ...release, IMAGE_ID: 'img', IMAGE_VERSION: '7' }),
  '/opt/name_build': image(['name.service'], { ID: 't', BUILD_ID: 'b' }),
  '/opt/name_id': image(['name.service'], { ID: 't' }),
  '/opt/name_version': image(['name.service'], { ID: 't', VERSION: '9' }),
  '/opt/name_spaces': image(['name.service'], { ID: 't', VERSION_ID: '1 2' }),
  '/opt/name_empty': image(['name.service'], { ID: 't', VERSION_ID: '', BUILD_ID: 'b' }),
  '/opt/name_control': image(['name.service'], { ID: 't', VERSION_ID: '1\u00012' }),
  '/opt/name_percent': image(['name.service'], { ID: 't', VERSION_ID: '1%c' }),
  '/opt/name_quotes': image(['name.service'], { ID: 't', VERSION_ID: `1'"\\2` }),
  '/opt/lookup': {
    osRelease: release,
    units: { 'lookup.service': '# usr\n', 'lookup-usr.service': unitText('x.service') },
    files: {
      'etc/systemd/system/lookup.service': '# etc\n',
      'etc/systemd/system.attached/lookup-attached.service': '# attached\n',
      'run/systemd/system/lookup.service': '# run\n',
      'run/systemd/system/lookup-run.service': '# run\n',
      'usr/local/lib/systemd/system/lookup-run.service': '# local\n',
      'usr/lib/systemd/system/lookup.service.d/drop.conf': '# ignored\n',
      'etc/systemd/system/lookup-empty.service': '',
      'usr/lib/systemd/system/lookup bad.service': '# bad\n',
      'usr/lib/systemd/system/lookup@inst.service': '# instance\n',
      'usr/lib/systemd/system/lookup-deep.service/x': 'a directory\n',
      'usr/lib/systemd/system/lookup-nul.service': '# a\0b\n',
      'etc/os-release': 'ID=etc\n',
    },
    links: {
      'usr/lib/systemd/system/lookup-link.service': 'lookup-usr.service',
      'usr/lib/systemd/system/lookup-absolute.service': '/usr/lib/systemd/system/lookup-usr.service',
      'usr/lib/systemd/system/lookup-null.service': '/dev/null',
      'usr/lib/systemd/system/lookup-broken.service': 'nothing.service',
      'usr/lib/systemd/system/lookup-out.service': '../../../../../../../usr/lib/systemd/system/dbus.service',
      'usr/lib/systemd/system/lookup-loop.service': 'lookup-loop.service',
    },
  },
};

/** squashfs images; "xz" in the name chooses the compressor. */
const files: Readonly<Record<string, ImageContents>> = {
  ...releaseFiles,
  ...foundFiles,
  '/var/lib/portables/poolraw_1.raw': image(['poolraw.service', 'poolraw.socket']),
  '/var/lib/portables/poolext_1.raw': sysext('poolext_1'),
  '/var/lib/portables/ver.raw.v/ver_2.9.raw': image(['ver.service'], { ID: 'test', VERSION_ID: '2.9' }),
  '/var/lib/portables/ver.raw.v/ver_2.10.raw': image(['ver.service'], { ID: 'test', VERSION_ID: '2.10' }),
  '/var/lib/portables/ver.raw.v/ver_3_mips.raw': image(['ver.service']),
  '/var/lib/portables/ver.raw.v/ver_4+0-3.raw': image(['ver.service']),
  '/opt/foo_1.raw': image(version1),
  '/opt/foo_2.raw': image(version2, { ID: 'test', VERSION_ID: '2' }, '# version 2\n'),
  '/opt/other/foo_1.raw': image(version1),
  '/opt/xz_1.raw': image(['xz.service']),
  '/opt/noosraw.raw': image(['noosraw.service'], false),
  '/opt/noidraw.raw': image(['noidraw.service'], { VERSION_ID: '1' }),
  '/opt/nounitsraw.raw': image([]),
  '/opt/base.raw': image([]),
  '/opt/baseunit.raw': image(['baseunit.service']),
  '/opt/basepfx.raw': image(['basepfx.service'], { ...release, PORTABLE_PREFIXES: 'basepfx' }),
  '/opt/baselike.raw': image([], { ID: 'derived', ID_LIKE: 'test other', VERSION_ID: '1' }),
  '/opt/baselevel.raw': image([], { ...release, SYSEXT_LEVEL: '2', CONFEXT_LEVEL: '3' }),
  '/opt/basenover.raw': image([], { ID: 'test' }),
  '/opt/app.raw': sysext('app'),
  '/opt/app_2.raw': sysext('app'),
  '/opt/appv_2.raw': sysext('appv_2'),
  '/opt/conf.raw': confext('conf'),
  '/opt/conflevel.raw': confext('conflevel', { ID: 'test', CONFEXT_LEVEL: '3' }),
  '/opt/level2.raw': sysext('level2', { ID: 'test', SYSEXT_LEVEL: '2' }),
  '/opt/level9.raw': sysext('level9', { ID: 'test', VERSION_ID: '1', SYSEXT_LEVEL: '9' }),
  '/opt/nolevel.raw': sysext('nolevel', { ID: 'test' }),
  '/opt/wrongname.raw': sysext('othername'),
  '/opt/wrongid.raw': sysext('wrongid', { ID: 'other', VERSION_ID: '1' }),
  '/opt/wrongver.raw': sysext('wrongver', { ID: 'test', VERSION_ID: '2' }),
  '/opt/any.raw': sysext('any', { ID: '_any' }),
  '/opt/extnoid.raw': sysext('extnoid', { VERSION_ID: '1' }),
  '/opt/arch.raw': sysext('arch', { ID: '_any', ARCHITECTURE: 'mips' }),
  '/opt/archany.raw': sysext('archany', { ID: '_any', ARCHITECTURE: '_any' }),
  '/opt/scopeno.raw': sysext('scopeno', { ID: '_any', SYSEXT_SCOPE: 'initrd' }),
  '/opt/scopeyes.raw': sysext('scopeyes', { ID: '_any', SYSEXT_SCOPE: 'portable' }),
  '/opt/pfxext.raw': sysext('pfxext', { ID: '_any', PORTABLE_PREFIXES: 'app second' }),
  '/opt/pfxsysext.raw': sysext('pfxsysext', { ID: '_any', SYSEXT_PORTABLE_PREFIXES: 'app second' }),
  '/opt/unitless.raw': sysext('unitless', { ID: '_any' }, []),
};

/** Things that are no images, or not quite. */
async function writeOddities(root: string): Promise<void> {
  const at = (file: string): string => path.join(root, file);
  await writeFile(at('/opt/file.txt'), 'x');
  await writeFile(at('/opt/empty.raw'), '');
  await writeFile(at('/opt/junk.raw'), 'x'.repeat(70_000));
  await mkdir(at('/opt/emptyv.raw.v'));
  await symlink('/opt/dir', at('/opt/linkdir'));
  await symlink('/opt/foo_1.raw', at('/opt/linkraw.raw'));
  await symlink('/opt/app.raw', at('/opt/linkext.raw'));
  await symlink('/opt/app_d', at('/opt/linkext_d'));
  await symlink('/nonexistent', at('/opt/broken'));
  await symlink('loop', at('/opt/loop'));
  await execa('mkfifo', [at('/opt/fifo.raw')]);
}
