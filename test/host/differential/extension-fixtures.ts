/** Extensions for the cases about extension-release files and about where extensions are found. */
import { idleService, type ImageContents } from '../images.ts';

const units = { 'app.service': idleService };
const any = 'ID=_any\n';
const notStrict = { 'user.extension-release.strict': 'false' };

const sysext = (name: string): string => `usr/lib/extension-release.d/extension-release.${name}`;
const confext = (name: string): string => `etc/extension-release.d/extension-release.${name}`;

/** A release file's place and content, and a link's or an attribute's where there is one. */
function extension(
  files: Readonly<Record<string, string>>,
  more: Partial<ImageContents> = {},
): ImageContents {
  return { bare: true, units, files, ...more };
}

/** What is said of the extension → its contents; the names of the images are "rel-" and the key, versions included. */
const releases: Readonly<Record<string, ImageContents>> = {
  other_3: extension({ [sysext('rel-other_2')]: any }),
  prefix_3: extension({ [sysext('rel-prefix')]: any }),
  'plus+3': extension({ [sysext('rel-plus')]: any }),
  exact_5: extension({ [sysext('rel-exact')]: 'ID=bad\n', [sysext('rel-exact_5')]: any }),
  both_8: extension({ [sysext('rel-both')]: any, [sysext('x')]: any }),
  loose: extension({ [sysext('x')]: any, [sysext('y')]: any }, { attributes: { [sysext('x')]: notStrict } }),
  loose2: extension(
    { [sysext('x')]: any, [sysext('y')]: any },
    { attributes: { [sysext('x')]: notStrict, [sysext('y')]: notStrict } },
  ),
  loose_9: extension(
    { [sysext('rel-loose')]: any, [sysext('y')]: any },
    { attributes: { [sysext('y')]: notStrict } },
  ),
  strict: extension(
    { [sysext('x')]: any },
    { attributes: { [sysext('x')]: { 'user.extension-release.strict': '1' } } },
  ),
  link: extension({ 'usr/share/x': any }, { links: { [sysext('rel-link')]: '/usr/share/x' } }),
  broken: extension({ [sysext('x')]: any }, { links: { [sysext('rel-broken')]: 'nowhere' } }),
  otherlink: extension({ 'usr/share/x': any }, { links: { [sysext('x')]: '../../share/x' } }),
  directory: extension({ [`${sysext('rel-directory')}/x`]: any }),
  otherdirectory: extension({ [`${sysext('x')}/x`]: any, [sysext('y')]: any }),
  badname: extension({ [sysext('.#x')]: any, [sysext('')]: any }),
  twokinds: extension({ [sysext('rel-twokinds')]: 'ID=bad\n', [confext('rel-twokinds')]: any }),
  confextonly: extension({ [sysext('x')]: any, [confext('rel-confextonly')]: any }),
  nothing: extension({ 'usr/share/x': 'x' }),
  empty: extension({ [sysext('rel-empty')]: '' }),
  system: extension({ [sysext('rel-system')]: any, 'usr/lib/os-release': 'ID=test\n' }),
  etcsystem: extension({ [confext('rel-etcsystem')]: any, 'etc/os-release': 'ID=test\n' }),
  noscope: extension({ [sysext('rel-noscope')]: `${any}SYSEXT_SCOPE=\n` }),
  sysextscope: extension({ [confext('rel-sysextscope')]: `${any}SYSEXT_SCOPE=initrd\n` }),
  confextscope: extension({ [confext('rel-confextscope')]: `${any}CONFEXT_SCOPE=system\n` }),
  portablescope: extension({ [sysext('rel-portablescope')]: `${any}PORTABLE_SCOPE=user\n` }),
  versions: extension({
    [sysext('rel-versions')]: `${any}SYSEXT_BUILD_ID=7\nCONFEXT_ID=c\nCONFEXT_VERSION_ID=8\n`,
  }),
};

/** Each of them as a directory and as a disk image. */
export const releaseTrees: Readonly<Record<string, ImageContents>> = Object.fromEntries(
  Object.entries(releases).map(([name, contents]) => [`/opt/rel-${name}`, contents]),
);
export const releaseFiles: Readonly<Record<string, ImageContents>> = Object.fromEntries(
  Object.entries(releases).map(([name, contents]) => [`/opt/rel-${name}.raw`, contents]),
);

const named = (name: string): ImageContents => extension({ [sysext(name)]: any });

/** In the search path, and below directories of versions. */
export const foundTrees: Readonly<Record<string, ImageContents>> = {
  '/var/lib/portables/extdir.v/extdir_7': named('extdir'),
  '/opt/extdirs.v/extdirs_1': named('extdirs_1'),
  '/opt/extdirs.v/extdirs_2': named('extdirs'),
};
export const foundFiles: Readonly<Record<string, ImageContents>> = {
  '/var/lib/portables/extraw.raw.v/extraw_1.raw': named('extraw'),
  '/var/lib/portables/extraw.raw.v/extraw_2.raw': named('extraw_2'),
  '/opt/exts.raw.v/exts_1.raw': named('exts_1'),
  '/opt/exts.raw.v/exts_2.raw': named('exts'),
  '/opt/exts.raw.v/exts_3+0-3.raw': named('exts'),
  '/opt/other/app.raw': { ...named('app'), units: { 'app-2.service': idleService } },
};
