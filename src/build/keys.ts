/**
 * Every parameter of a build, once: the command's options, the keys of build files, their published schema and the help
 * text all come from this table.
 */
import type { BuildDescription } from './description.ts';

/** How a parameter is written: in a build file, and as an option of the command. */
export type KeyKind =
  | 'text'
  | 'flag'
  /** A number, of bytes mostly, or "128K", "1M". */
  | 'bytes'
  /** A path of this machine, relative to the build file (or the current directory). */
  | 'path'
  | 'paths'
  | 'texts'
  /** "SRC" or "SRC:DEST". */
  | 'contents'
  /** An object with object and symlink; "OBJECT:SYMLINK" as an option. */
  | 'symlinks'
  | { readonly choice: readonly string[] };

export interface Key {
  readonly kind: KeyKind;
  /** The option, without "--"; lists are options that may be given several times. */
  readonly option: string;
  /** What stands for the value in help texts. */
  readonly value?: string;
  /** One line. */
  readonly help: string;
  readonly required?: true;
}

export const keys: { readonly [K in keyof Required<BuildDescription>]: Key } = {
  name: {
    kind: 'text',
    option: 'name',
    value: 'NAME',
    help: "the service's name; every unit's name begins with it",
    required: true,
  },
  version: { kind: 'text', option: 'version', value: 'VERSION', help: "the image's version", required: true },
  units: {
    kind: 'paths',
    option: 'unit',
    value: 'FILE',
    help: 'a unit file (default: what the contents bring)',
  },
  description: { kind: 'text', option: 'description', value: 'TEXT', help: 'one line about the service' },
  homepage: { kind: 'text', option: 'homepage', value: 'URL', help: 'where there is more about it' },
  symlinks: {
    kind: 'symlinks',
    option: 'symlink',
    value: 'OBJECT:LINK',
    help: 'a symlink at LINK that leads to OBJECT',
  },
  contents: {
    kind: 'contents',
    option: 'content',
    value: 'SRC[:DEST]',
    help: 'a file or directory, with all it needs to run',
  },
  packages: {
    kind: 'texts',
    option: 'package',
    value: 'NAME',
    help: "an installed Debian package's files, and its dependencies'",
  },
  packageDocs: {
    kind: 'flag',
    option: 'package-docs',
    help: 'with their documentation, manual pages, translations',
  },
  container: {
    kind: 'path',
    option: 'container',
    value: 'PATH',
    help: 'start from an OCI image layout or a docker save archive',
  },
  platform: {
    kind: 'text',
    option: 'platform',
    value: 'OS/ARCH',
    help: "which of the container's platforms",
  },
  reference: {
    kind: 'text',
    option: 'reference',
    value: 'NAME',
    help: "which of the container file's images",
  },
  maxSize: {
    kind: 'bytes',
    option: 'max-size',
    value: 'BYTES',
    help: 'what a container may expand to (default: 32768M)',
  },
  maxEntries: {
    kind: 'bytes',
    option: 'max-entries',
    value: 'COUNT',
    help: 'how many files its layers may have (default: 1000K)',
  },
  maxRatio: {
    kind: 'bytes',
    option: 'max-ratio',
    value: 'COUNT',
    help: 'how many times its size a layer may expand to (default: 200)',
  },
  sourceRoot: {
    kind: 'path',
    option: 'source-root',
    value: 'DIR',
    help: 'take files and packages from this tree (default: /)',
  },
  exclude: {
    kind: 'texts',
    option: 'exclude',
    value: 'PATH',
    help: 'leave a path out, with all that is below it',
  },
  nss: { kind: 'flag', option: 'nss', help: 'with what looks up users and hosts by name' },
  certificates: { kind: 'flag', option: 'certificates', help: 'with the trusted certificate authorities' },
  timeZones: { kind: 'flag', option: 'time-zones', help: 'with the time zone database' },
  type: {
    kind: { choice: ['portable', 'sysext', 'confext'] },
    option: 'type',
    value: 'TYPE',
    help: 'portable (default), or an extension: sysext, confext',
  },
  base: { kind: 'path', option: 'base', value: 'PATH', help: 'the image that an extension must fit' },
  fields: {
    kind: 'texts',
    option: 'field',
    value: 'FIELD=VALUE',
    help: "a field of an extension's extension-release file",
  },
  verity: { kind: 'flag', option: 'verity', help: 'with a hash tree and its root hash' },
  sign: { kind: 'path', option: 'sign', value: 'KEY', help: 'sign the root hash with this private key' },
  certificate: { kind: 'path', option: 'certificate', value: 'FILE', help: "the key's certificate" },
  gpt: { kind: 'flag', option: 'gpt', help: 'a disk image with a partition table' },
  format: {
    kind: { choice: ['squashfs', 'erofs', 'directory'] },
    option: 'format',
    value: 'FORMAT',
    help: 'squashfs (default), erofs or directory',
  },
  compression: {
    kind: 'text',
    option: 'compression',
    value: 'HOW',
    help: 'default: "xz -Xdict-size 100%"; erofs: "lz4hc,12"',
  },
  blockSize: {
    kind: 'bytes',
    option: 'block-size',
    value: 'BYTES',
    help: 'default: 1M; erofs clusters: 64K',
  },
};
