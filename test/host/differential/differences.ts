/** The differences from systemd's daemon that are meant: each by the row of docs/differences.md that tells of it. */

/** A difference that is meant. */
export interface Difference {
  /** How the first cell of the row begins, or "older: …" where we answer as a newer systemd does. */
  readonly row: string;
  /** The cases it can be seen in; all unless given. */
  readonly cases?: RegExp;
  /** The lines that differ, without the number of the call: "- …" what systemd gave, "+ …" what ours gave. */
  readonly lines: readonly RegExp[];
  /** Only in versions of systemd before this one. */
  readonly before?: number;
  /** Only in this version of systemd and later ones. */
  readonly from?: number;
  /** Depends on the moment; everything else has to be seen. */
  readonly sometimes?: boolean;
}

/** Something that we write and systemd does not, taken out of our lines before they are compared. */
export interface Addition {
  readonly row: string;
  readonly text: RegExp;
  /** Only in versions of systemd before this one. */
  readonly before?: number;
}

export const knownAdditions: readonly Addition[] = [
  {
    row: 'Attaching an image that is in the search path',
    text: /# portabled: copied '[^'\\]+'\\n/g,
  },
  {
    row: 'Before 262, drop-ins name no image policy',
    text: /(Root|Extension)ImagePolicy=[-+\w=:]+:=absent\\n/g,
    before: 262,
  },
];

/** Cases about names and paths that are wrong in themselves. */
const malformed = new RegExp(
  `^(${[
    ...['the empty string', '\\.', '\\.\\.', 'a/b', '\\.\\./x', '\\./pool', '\\.#pool', '//'],
    ...['/opt//dir', '/opt/\\./dir', '/opt/dir/\\.', '/opt/\\.\\./opt/dir'],
    ...['a name of 256 bytes', 'a name with (a newline|a tab|DEL|a C1 control character)'],
    ...['a path that is too long', 'a path with a component that is too long'],
  ].join('|')}): `,
);
const malformedExtension = /^extension '(\.?|a\/b|\/opt\/\/app\.raw)'$/;

/** What images of the search path are called in /run/portables, and where they are. */
const entries =
  '(pool|vendor|local|poolraw_1\\.raw|poolext_1\\.raw|ver_2\\.10\\.raw|vdir_2|foo_1\\.raw|extraw_2\\.raw|extdir_7)';
const places = '(etc|var/lib|usr/lib|usr/local/lib)/portables';

/** A line about a file whose text has `text` in it. */
function contains(sign: '-' | '+', text: string): RegExp {
  const inJson = JSON.stringify(text).slice(1, -1);
  return new RegExp(`^[${sign}] [-+] .*${inJson.replaceAll(/[$()*+./?[\\\]^{|}]/g, '\\$&')}`);
}

/** How a drop-in points a unit to its image. */
function pointer(directory: string, assignment: string): string {
  return `\nRootDirectory=${directory}\nEnvironment=${assignment}\nLogExtraFields=${assignment}\n`;
}

export const knownDifferences: readonly Difference[] = [
  {
    row: 'Images of ext2 and ext3, and such with a partition',
    cases: /^a file system that is not mounted: /,
    lines: [
      /^- GetImage\w+: error (System\.Error\.(EIDRM|ENOPKG|EAFNOSUPPORT)|org\.freedesktop\.DBus\.Error\.(InvalidArgs|FileNotFound))$/,
      /^\+ GetImage\w+: answers$/,
    ],
  },
  {
    row: 'Images of ext2 and ext3, and such with a partition',
    cases: /^a file system that is not mounted: (gpt|mbr)/,
    from: 262,
    lines: [
      /^- AttachImage: error (System\.Error\.EAFNOSUPPORT|org\.freedesktop\.DBus\.Error\.FileNotFound)$/,
      /^\+ AttachImage: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'Partitions of boot loaders are mounted',
    cases: /^a file system of a boot loader: /,
    lines: [
      /^- (GetImageMetadata|AttachImage): error (System\.Error\.ENODEV|org\.freedesktop\.DBus\.Error\.InvalidArgs)$/,
      /^- GetImageState: s "detached"$/,
      /^- DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ (GetImageMetadata|AttachImage|DetachImage): answers$/,
      /^\+ GetImageState: s "attached-runtime"$/,
    ],
    // not where the kernel has vfat
    sometimes: true,
  },
  {
    row: 'Images with a hash tree (verity) are inspected and attached whatever',
    cases: /^a bad hash tree: (?!no_tree|usr_hash)/,
    lines: [/^- GetImageMetadata: answers$/, /^\+ GetImageMetadata: error \S+\.InvalidArgs$/],
  },
  {
    row: 'A root hash beside an image without a hash tree',
    cases: /^a bad hash tree: (no_tree|usr_hash)/,
    lines: [/^- GetImageMetadata: answers$/, /^\+ GetImageMetadata: error \S+\.InvalidArgs$/],
  },
  {
    row: '262: an image with a hash tree beside it, but no signature',
    cases: /^a hash tree without a signature: /,
    lines: [
      /^- [-+] .*ImagePolicy=root=signed\+squashfs:=absent\\n/,
      /^\+ [-+] .*ImagePolicy=root=verity\+squashfs:=absent\\n/,
    ],
    from: 262,
  },
  {
    row: '262: a hash tree beside an image with partitions',
    cases: /^verity data that make no sense: partition_beside$/,
    lines: [
      /^- GetImageMetadata: error System\.Error\.EBADR$/,
      /^\+ GetImageMetadata: error \S+\.InvalidArgs$/,
    ],
    from: 262,
  },
  {
    row: 'Attaching an image that is in the search path',
    cases: /^an image linked into the pool$/,
    lines: [/^- AttachImage: symlink \/run\/portables\/foo_1\.raw <- \/opt\/foo_1\.raw /],
  },
  {
    row: 'Attaching an image that is in the search path',
    lines: [
      new RegExp(
        `^- (Rea|A)ttach\\w*: (updated )?(symlink|copy) /(run|etc)/portables/\\S+ <- /${places}/\\S+ \\(`,
      ),
      new RegExp(`^- Detach\\w*: unlink /(run|etc)/portables/${entries} `),
      new RegExp(`^- [-+] /(run|etc)/portables/${entries}: `),
      /^- [-+] \/(run|etc)\/portables: directory$/,
    ],
  },
  { row: 'An empty `/run/portables` stays behind', lines: [/^\+ [-+] \/run\/portables: directory$/] },
  {
    row: 'Reattach\'s "removed" list is incomplete',
    lines: [
      /^- Reattach\w*: updated mkdir /,
      /^- Reattach\w*: updated symlink \/(run|etc)\/portables\//,
      /^\+ Reattach\w*: removed unlink \S+\.d\/(10-profile|20-portable)\.conf$/,
    ],
  },
  {
    row: 'Malformed names are "detached"',
    cases: malformed,
    lines: [
      /^- GetImageState\w*: answers$/,
      /^\+ GetImageState\w*: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
      /^- Detach\w*: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ Detach\w*: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'Malformed names are "detached"',
    cases: malformedExtension,
    lines: [
      /^- \w+: answers$/,
      /^- \w+: error org\.freedesktop\.DBus\.Error\.(BadAddress|FileNotFound)$/,
      /^- Detach\w*: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'Malformed names are noticed after polkit',
    cases: /^a user who is (asked|refused) /,
    lines: [
      /^- \w+: error org\.freedesktop\.DBus\.Error\.(InteractiveAuthorizationRequired|AccessDenied)$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'Image names have at most 249 bytes',
    cases: /^a name of 250 bytes: /,
    lines: [/^\+ \w+: error org\.freedesktop\.portable1\.NoSuchImage$/],
  },
  {
    row: 'Image names have at most 249 bytes',
    cases: /^a name of 250 bytes: /,
    from: 262,
    lines: [
      /^- \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
      /^\+ \w+: error org\.freedesktop\.portable1\.NoSuchImage$/,
    ],
  },
  {
    row: 'Image names have at most 249 bytes',
    cases: /^a name with a C1 control character: /,
    lines: [
      /^- \w+: error org\.freedesktop\.portable1\.NoSuchImage$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: '`GetImage("foo.raw")` gives an object of its own',
    cases: /^a name with the suffix: reading$/,
    lines: [/^- GetImage: o ".*\/poolraw_5f1_2eraw"$/, /^\+ GetImage: o ".*\/poolraw_5f1"$/],
  },
  {
    row: 'A disk image without a file system that is known',
    cases: /^(an empty image|an image that is junk): reading$/,
    lines: [
      /^- GetImageOSRelease: error System\.Error\.ENOPKG$/,
      /^\+ GetImageOSRelease: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: '`GetImageOSRelease` of a raw image without os-release',
    cases: /^a raw image without os-release: reading$/,
    lines: [/^- GetImageOSRelease: error System\.Error\.ENOMEDIUM$/, /^\+ GetImageOSRelease: answers$/],
  },
  {
    row: '`GetImageMetadata` by path repeats the path',
    cases: /^(a link to|the path of a versioned) .*: reading$/,
    lines: [
      /^- GetImageMetadata\w*: image "\/(opt\/link\w+(\.raw)?|var\/lib\/portables\/\w+(\.raw)?\.v)"$/,
      /^\+ GetImageMetadata\w*: image "\/(opt\/(dir|foo_1\.raw)|var\/lib\/portables\/(ver\.raw\.v\/ver_2\.10\.raw|vdir\.v\/vdir_2))"$/,
    ],
  },
  {
    row: 'The path of a `.v` directory means that directory',
    cases: /^the path of a versioned .*: (reading|managing)$/,
    lines: [
      /^- GetImageOSRelease: a\{ss\} \{\}$/,
      /^\+ GetImageOSRelease: a\{ss\} \{"ID": "test", /,
      /^- - \/var\/lib\/portables\/(ver\.raw|vdir)\.v: mode /,
    ],
  },
  {
    row: 'The path of a `.v` directory means that directory',
    cases: /^an empty versioned directory: /,
    lines: [
      /^- (GetImageOSRelease|RemoveImage): answers$/,
      /^- SetImageLimit: error org\.freedesktop\.DBus\.Error\.NotSupported$/,
      /^- ReattachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.FileNotFound$/,
    ],
  },
  {
    row: 'A pattern (`foo.raw.v/foo___.raw`)',
    cases: /^a pattern in a versioned directory: /,
    lines: [
      /^- \w+: error org\.freedesktop\.DBus\.Error\.FileNotFound$/,
      /^\+ \w+: answers$/,
      /^- GetImageState: s "detached"$/,
      /^\+ GetImageState: s "attached-runtime"$/,
      /^- DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ ReattachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ SetImageLimit: error org\.freedesktop\.DBus\.Error\.NotSupported$/,
    ],
  },
  {
    row: '`/` is an image',
    cases: /^images at the root of a host$/,
    lines: [
      /^- GetImageOSRelease: answers$/,
      /^- GetImageMetadata: error org\.freedesktop\.DBus\.Error\.BadAddress$/,
      /^- (RemoveImage|MarkImageReadOnly): error System\.Error\.EROFS$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'An unknown profile is ignored',
    cases: /^profile '/,
    lines: [
      /^- (AttachImage|DetachImage): answers$/,
      /^\+ AttachImage: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
      /^\+ DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
    ],
  },
  {
    row: 'Without matches, `PORTABLE_PREFIXES` is ignored',
    cases: /^PORTABLE_PREFIXES with matches \[\]$/,
    lines: [/^- (Attach|Detach)Image: \w+ \S+\/none\.service/, /^- [-+] \S+\/none\.service/],
  },
  {
    row: 'In symlink mode, units that are links',
    cases: /^where units are looked for in an image, as links$/,
    lines: [
      /^- AttachImage: symlink \S+\/lookup-(link|absolute)\.service <- \/opt\/lookup\/\S+\/lookup-\1\.service$/,
      /^\+ AttachImage: symlink \S+\/lookup-(link|absolute)\.service <- \/opt\/lookup\/\S+\/lookup-usr\.service$/,
      /^- [-+] \S+\/lookup-(link|absolute)\.service: symlink -> \S+\/lookup-\1\.service$/,
      /^\+ [-+] \S+\/lookup-(link|absolute)\.service: symlink -> \S+\/lookup-usr\.service$/,
    ],
  },
  {
    row: 'Paths and versions go into drop-ins as they are',
    cases: /^name and version in the drop-in: (spaces|percent|quotes)$/,
    lines: [
      ...['1 2', '1%c', `1'"\\2`].map((version) =>
        contains('-', `LogExtraFields=PORTABLE_NAME_AND_VERSION=t_${version}\n`),
      ),
      contains('+', 'LogExtraFields="PORTABLE_NAME_AND_VERSION=t_1 2"\n'),
      contains('+', 'LogExtraFields=PORTABLE_NAME_AND_VERSION=t_1%%c\n'),
      contains('+', `LogExtraFields="PORTABLE_NAME_AND_VERSION=t_1'\\"\\\\2"\n`),
    ],
  },
  {
    row: 'An empty `VERSION_ID=`',
    cases: /^name and version in the drop-in: empty$/,
    lines: [/^- [-+] .*VERSION=t_\\n"$/, /^\+ [-+] .*VERSION=t_b\\n"$/],
  },
  {
    row: '262: `ReattacheWithExtensions`',
    cases: /^the image object with extensions and flags$/,
    from: 262,
    lines: [
      /^- ReattacheWithExtensions: error System\.Error\.ENXIO$/,
      /^\+ ReattacheWithExtensions: answers$/,
    ],
  },
  {
    row: 'Reattach removes first and checks later',
    cases: /^reattach to an image that does not fit$/,
    lines: [
      /^- - \/run\/(systemd\/system\.attached(\/all\S+)?|portables\/all): /,
      /^- GetImageState: s "detached"$/,
      /^\+ GetImageState: s "attached-runtime"$/,
      /^- ReattachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ ReattachImage: answers$/,
    ],
  },
  {
    row: 'Reattach to a version that brings a unit of another image',
    cases: /^reattach to a version that brings a unit of another image$/,
    lines: [
      /^- ReattachImage: error org\.freedesktop\.DBus\.Error\.FileExists$/,
      // how far it gets depends on the order of its hash table
      /^- [-+] \/run\/systemd\/system\.attached\/foo(-old|-new|@)?\.service/,
      /^\+ ReattachImage: error org\.freedesktop\.systemd1\.UnitExists$/,
    ],
  },
  {
    row: 'An attach writes over a foreign `20-portable.conf`',
    cases: /^a foreign 20-portable\.conf$/,
    lines: [/^- AttachImage: answers$/, /^\+ AttachImage: error org\.freedesktop\.DBus\.Error\.FileExists$/],
  },
  {
    row: 'A unit that is an alias on the host',
    cases: /^an alias of that name$/,
    lines: [
      /^- AttachImage: error System\.Error\.ELOOP$/,
      /^\+ AttachImage: error org\.freedesktop\.systemd1\.UnitExists$/,
    ],
  },
  {
    row: 'A foreign file in `UNIT.d`',
    cases: /^a foreign drop-in$/,
    lines: [
      /^- DetachImage: error System\.Error\.ENOTEMPTY$/,
      /^- - \S+\/clash(\.service(\.d\/20-portable\.conf)?)?: /,
      /^\+ DetachImage: answers$/,
    ],
  },
  {
    row: 'A link of the same name',
    cases: /^something else of that name in \/run\/portables$/,
    lines: [
      /^- (Attach|Detach)Image: answers$/,
      /^\+ AttachImage: error org\.freedesktop\.DBus\.Error\.FileExists$/,
      /^\+ DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
    ],
  },
  {
    row: 'Directory extensions have an empty key',
    lines: [
      /^- GetImageMetadataWithExtensions: extension "" /,
      /^\+ GetImageMetadataWithExtensions: extension "\/[^"]+" /,
    ],
  },
  {
    row: 'A confext is held to `SYSEXT_LEVEL=`',
    cases:
      /^(\/opt\/baselevel\.raw with \/opt\/conflevel\.raw|release file: \/opt\/rel-sysextscope(\.raw)?)$/,
    lines: [
      /^- AttachImageWithExtensions: error System\.Error\.ESTALE$/,
      /^- DetachImageWithExtensions: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ (Attach|Detach)ImageWithExtensions: answers$/,
      /^- GetImageStateWithExtensions: s "detached"$/,
      /^\+ GetImageStateWithExtensions: s "attached-runtime"$/,
    ],
  },
  {
    row: 'A confext is held to `SYSEXT_LEVEL=`',
    cases: /^release file: \/opt\/rel-confextscope(\.raw)?$/,
    lines: [
      /^- (Attach|Detach)ImageWithExtensions: answers$/,
      /^\+ AttachImageWithExtensions: error System\.Error\.ESTALE$/,
      /^\+ DetachImageWithExtensions: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^- GetImageStateWithExtensions: s "attached-runtime"$/,
      /^\+ GetImageStateWithExtensions: s "detached"$/,
    ],
  },
  {
    row: 'An extension that is no image is `EMEDIUMTYPE`',
    cases: /^extension '\/opt\/file\.txt'$/,
    lines: [
      /^- \w+: error System\.Error\.EMEDIUMTYPE$/,
      /^\+ \w+: error org\.freedesktop\.portable1\.BadImageType$/,
    ],
  },
  {
    row: 'An extension that is no image is `EMEDIUMTYPE`',
    cases: /^(the same extension twice|extension by a (link and its target|name and its path))$/,
    lines: [
      /^- \w+: error org\.freedesktop\.DBus\.Error\.FileExists$/,
      /^\+ \w+: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
    ],
  },
  {
    row: 'An extension that is no image is `EMEDIUMTYPE`',
    cases: /^extension by two images of one name$/,
    lines: [
      /^- GetImageMetadataWithExtensions: error org\.freedesktop\.DBus\.Error\.FileExists$/,
      /^\+ GetImageMetadataWithExtensions: answers$/,
    ],
  },
  {
    row: 'Where an extension has its link already',
    cases: /^two images share an extension$/,
    lines: [
      /^\+ AttachImageWithExtensions: symlink \/run\/portables\/foo_1\.raw <- \/opt\/foo_1\.raw \(after the units\)$/,
      /^\+ \+ \/run\/portables\/foo_1\.raw: symlink -> \/opt\/foo_1\.raw$/,
    ],
  },
  {
    row: 'The policy for three or more extension images',
    cases: /^three extension images$/,
    from: 262,
    lines: [
      /^- [-+] .*\\nExtensionImagePolicy=root=squashfs:root-verity=unprotected\+unused\+absent:root-verity-sig=unprotected\+unused\+absent:=absent\\n/,
      /^\+ [-+] .*\\nExtensionImagePolicy=root=squashfs:=absent\\n/,
    ],
  },
  {
    row: '`GetImageStateWithExtensions` is about whatever is attached of the image',
    cases: /^which extensions mean an attachment$/,
    lines: [
      /^- GetImageStateWithExtensions: s "attached-runtime"$/,
      /^\+ GetImageStateWithExtensions: s "detached"$/,
    ],
  },
  {
    row: '`RemoveImage` refuses while another version',
    cases:
      /^(a list of images, one of them attached with extensions|RemoveImage while another version is attached)$/,
    lines: [/^- RemoveImage: error System\.Error\.EBUSY$/, /^\+ RemoveImage: answers$/],
  },
  {
    row: 'Detaching removes the link to an image',
    cases: /^two attachments share an image$/,
    lines: [
      /^- DetachImageWithExtensions: unlink \/run\/portables\/baseunit\.raw /,
      /^[-+] - \/run\/portables\/baseunit\.raw: /,
    ],
  },
  {
    row: '262: images whose names begin with a dot',
    cases: /^what is an image$/,
    from: 262,
    lines: [
      /^- ListImages: \["\.hidden", "directory", true, /,
      /^\+ ListImages: \["\.hidden", "directory", false, /,
      /^- GetAll: ReadOnly = <b true>$/,
      /^\+ GetAll: ReadOnly = <b false>$/,
    ],
  },
  {
    row: 'One broken entry makes listing or removing fail',
    cases: /^one looping link$/,
    lines: [
      /^- (ListImages|Introspect): error System\.Error\.ELOOP$/,
      /^\+ (ListImages|Introspect): answers$/,
    ],
  },
  {
    row: '`MarkImageReadOnly` of a directory always fails',
    cases: /^MarkImageReadOnly of a directory$/,
    lines: [
      /^- MarkImageReadOnly: error org\.freedesktop\.DBus\.Error\.AccessDenied$/,
      /^\+ MarkImageReadOnly: answers$/,
      /^- Get: v <b false>$/,
      /^\+ Get: v <b true>$/,
    ],
  },
  {
    row: '262: `RemoveImage` of a link deletes its target',
    cases: /^RemoveImage of a link$/,
    from: 262,
    lines: [/^- - \/opt\/dir: /, /^\+ - \/var\/lib\/portables\/linkdir: /],
  },
  {
    row: 'Paths and versions go into drop-ins as they are',
    cases: /^an image with /,
    lines: [
      ...['sp ace', "apo'strophe", 'quo"te', 'per%cent', 'back\\slash'].map((name) =>
        contains('-', pointer(`/opt/${name}`, `PORTABLE=${name}`)),
      ),
      contains('+', pointer('/opt/sp ace', '"PORTABLE=sp ace"')),
      contains('+', pointer("/opt/apo'strophe", `"PORTABLE=apo'strophe"`)),
      contains('+', pointer('/opt/quo"te', '"PORTABLE=quo\\"te"')),
      contains('+', pointer('/opt/per%%cent', 'PORTABLE=per%%cent')),
      contains('+', pointer('/opt/back\\slash', '"PORTABLE=back\\\\slash"')),
    ],
  },
  {
    row: '262: an image with a quote in its name',
    cases:
      /^an image with (an apostrophe|a quote|a backslash|a colon|a letter beyond ASCII|an underscore only) in its name$/,
    from: 262,
    lines: [
      /^- (GetImageState|DetachImage): error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
      /^- GetImageState: s "detached"$/,
      /^- DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ (GetImageState|DetachImage): answers$/,
      /^\+ GetImageState: s "attached-runtime"$/,
    ],
  },
  {
    row: '262: an image linked into the pool',
    cases: /^an image linked into the pool$/,
    from: 262,
    lines: [
      /^- GetImageState: s "detached"$/,
      /^\+ GetImageState: s "attached-runtime"$/,
      /^- DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^\+ DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      /^[-+] DetachImage: answers$/,
    ],
  },
  {
    row: 'What is unknown of an image that is not there',
    cases: /, on every kind of path$|^Get of what is no property$/,
    lines: [
      /^- \w+: error org\.freedesktop\.DBus\.Error\.FileNotFound$/,
      /^\+ \w+: error org\.freedesktop\.portable1\.NoSuchImage$/,
    ],
  },
  {
    row: '`SyslogIdentifier` is `systemd-portabled`',
    lines: [
      /^- GetAll: SyslogIdentifier = <s "systemd-portabled">$/,
      /^\+ GetAll: SyslogIdentifier = <s "portabled">$/,
    ],
  },
  {
    row: 'Object paths that decode to bad UTF-8',
    cases: /^Introspect a label (that decodes to bad UTF-8|with an escaped NUL)$/,
    lines: [
      /^- Introspect: (error org\.freedesktop\.DBus\.Error\.(InvalidArgs|NoReply)|answers)$/,
      /^\+ Introspect: error org\.freedesktop\.DBus\.Error\.UnknownObject$/,
    ],
  },
  {
    row: 'Image facts are cached',
    cases: /^a directory with a slash: /,
    sometimes: true,
    lines: [/^- \w+: error org\.freedesktop\.DBus\.Error\.FileExists$/, /^\+ \w+: answers$/],
  },
  ...olderVersions(),
];

/** What only versions before 262 do, the model of everything that the interface's description leaves open. */
function olderVersions(): readonly Difference[] {
  const differences: readonly Omit<Difference, 'before'>[] = [
    {
      row: 'Image names have at most 249 bytes',
      cases: /^a name of 250 bytes: /,
      lines: [/^- \w+: error System\.Error\.ENAMETOOLONG$/],
    },
    {
      row: 'No matching unit is `InvalidArgs`',
      lines: [
        /^- (GetImageMetadata|AttachImage|ReattachImage)\w*: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
        /^\+ (GetImageMetadata|AttachImage|ReattachImage)\w*: error org\.freedesktop\.portable1\.NoMatchingUnitFiles$/,
      ],
    },
    {
      row: 'Images and extensions without their release file are `InvalidArgs`',
      cases:
        /^(a raw image without os-release: .*|extension \/opt\/wrongname\.raw|release file: \S+\.raw|extension by the image itself|an extension as the image)$/,
      lines: [
        /^- (GetImageMetadata|AttachImage)\w*: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
        /^\+ (GetImageMetadata|AttachImage)\w*: error System\.Error\.(ENOMEDIUM|ENOTUNIQ|EISDIR)$/,
      ],
    },
    {
      row: 'A disk image may have a slash after it',
      cases: /^(a disk image with a slash(: \w+|, its os-release)|extension by an image with a slash)$/,
      lines: [
        /^- \w+: answers$/,
        /^\+ \w+: error System\.Error\.ENOTDIR$/,
        /^- GetImageState\w*: s "attached-runtime"$/,
        /^\+ GetImageState\w*: s "detached"$/,
        /^\+ (Detach|Reattach)\w*: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      ],
    },
    {
      row: '`PORTABLE_SCOPE` means nothing',
      cases: /^PORTABLE_SCOPE: /,
      lines: [
        /^- (Attach|Detach)Image: answers$/,
        /^\+ AttachImage: error org\.freedesktop\.DBus\.Error\.InvalidArgs$/,
        /^\+ DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      ],
    },
    {
      row: 'Detaching by bare, unknown or deleted name',
      cases:
        /^(detaching by a foreign name|a user who is allowed attaches and detaches|pool with \/opt\/unitless\.raw)$/,
      lines: [
        /^- (Detach|Reattach)\w*: answers$/,
        /^\+ (Detach|Reattach)\w*: answers$/,
        /^[-+] (Detach|Reattach)\w*: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
        /^- GetImageState: s "detached"$/,
        /^\+ GetImageState: s "attached-runtime"$/,
      ],
    },
    {
      row: 'Links in an image lead out of it',
      cases: /^where units are looked for in an image/,
      lines: [
        /^- (Attach|Detach)Image: \w+ \S+\/lookup-out\.service/,
        /^- [-+] \S+\/lookup-out\.service/,
        /^\+ (Attach|Detach)Image: \w+ \S+\/lookup-absolute\.service/,
        /^\+ [-+] \S+\/lookup-absolute\.service/,
      ],
    },
    {
      row: 'Reattaching an image of the pool by name',
      cases:
        /^((a vendor image|a (directory|raw image) of the pool|a name with the suffix): attaching|the image object .*|reattach of an image of the pool, by name)$/,
      lines: [
        /^- Reattach\w*: error org\.freedesktop\.DBus\.Error\.FileNotFound$/,
        /^- - \/run\/systemd\/system\.attached/,
        /^\+ Reattach\w*: answers$/,
        /^- Get(Image)?State\w*: s "detached"$/,
        /^\+ Get(Image)?State\w*: s "attached-runtime"$/,
        /^- Detach\w*: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
        /^\+ Detach\w*: answers$/,
      ],
    },
    {
      row: '262: `ReattacheWithExtensions`',
      cases: /^the image object with extensions and flags$/,
      lines: [
        /^- ReattacheWithExtensions: error System\.Error\.ENXIO$/,
        /^\+ ReattacheWithExtensions: answers$/,
      ],
    },
    {
      row: '`GetImageState` answers for another image',
      cases: /^(which names mean an attached version|an image with .* in its name)$/,
      lines: [/^- GetImageState: s "attached-runtime"$/, /^\+ GetImageState: s "detached"$/],
    },
    {
      row: 'Units of an image with extensions',
      cases:
        /^(\/opt\/baseunit\.raw with .*|pool with .*|prefixes of image and extensions together|two attachments share an image|the order of extensions|two images share an extension)$/,
      lines: [
        /^- [-+] \S+\.service\.d\/20-portable\.conf: .*\\nLogExtraFields=PORTABLE_ROOT_NAME_AND_VERSION=test_1\\n"$/,
        /^\+ [-+] \S+\.service\.d\/20-portable\.conf: .*\\nLogExtraFields=PORTABLE_ROOT_NAME_AND_VERSION=test_1\\n\\nExtensionImages=/,
      ],
    },
    {
      row: 'Force means nothing for directory extensions',
      cases: /^(extension \/opt\/wrongname_d, forced|release file: \/opt\/rel-\w+)$/,
      lines: [
        /^- \w+: error org\.freedesktop\.DBus\.Error\.FileNotFound$/,
        /^- DetachImageWithExtensions: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
        /^\+ \w+: answers$/,
        // where several could be meant
        /^- (Attach|Detach)ImageWithExtensions: answers$/,
        /^\+ AttachImageWithExtensions: error System\.Error\.ENOTUNIQ$/,
        /^\+ DetachImageWithExtensions: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
      ],
    },
    {
      row: 'Files of systemd-sysupdate',
      cases: /^what is an image$/,
      lines: [
        /^- ListImages: \["\.sysupdate\.[xy]", /,
        /^- Introspect: " <node name=\\"_2esysupdate_2e[xy]\\"\/>"$/,
      ],
    },
    {
      row: '`Path` of an image is that of the link',
      cases: /^(what is an image|shadowing)$/,
      lines: [
        /^- GetAll: Path = <s "\/var\/lib\/portables\/link\w+(\.raw)?">$/,
        /^\+ GetAll: Path = <s "\/opt\/(dir|foo_1\.raw)">$/,
        /^- Get: v <s "\/run\/portables\/vendor\.raw">$/,
        /^\+ Get: v <s "\/opt\/foo_2\.raw">$/,
      ],
    },
    {
      row: '`RemoveImage` leaves',
      cases: /^RemoveImage with auxiliary files$/,
      lines: [/^\+ - \/var\/lib\/portables\/poolraw_1\.(roothash\.p7s|usrhash|usrhash\.p7s|verity): /],
    },
    {
      row: 'An image with `:`, `\\` or a letter beyond ASCII',
      cases: /^an image with (a backslash|a colon|a letter beyond ASCII) in its name$/,
      lines: [
        /^- GetImageState: s "detached"$/,
        /^\+ GetImageState: s "attached-runtime"$/,
        /^- DetachImage: error org\.freedesktop\.systemd1\.NoSuchUnit$/,
        /^\+ DetachImage: answers$/,
      ],
    },
    {
      row: 'Root hashes and signatures count for nothing when an image is inspected',
      cases: /^verity data that make no sense: /,
      lines: [/^- GetImageMetadata: answers$/, /^\+ GetImageMetadata: error \S+\.InvalidArgs$/],
    },
  ];
  return differences.map((difference) => ({ ...difference, before: 262 }));
}
