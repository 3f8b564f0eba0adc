/** What layers do to each other, and what none of them may do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wholeContent } from '../../../src/build/content.ts';
import { applyLayer, startCounting } from '../../../src/build/oci/apply.ts';
import { LayerTree } from '../../../src/build/oci/layer-tree.ts';
import { defaultUnpackLimits } from '../../../src/build/oci/limits.ts';
import type { UnpackLimits } from '../../../src/build/oci/limits.ts';
import { StagingTree } from '../../../src/build/tree.ts';
import { memorySource } from '../../../src/disk/source.ts';
import { failsWith } from '../../support/fails-with.ts';
import { tarArchive } from '../../support/tar-archive.ts';
import type { Entry } from '../../support/tar-archive.ts';

type Layer = readonly (Entry | string)[];

async function apply(layers: readonly Layer[], limits: Partial<UnpackLimits> = {}): Promise<StagingTree> {
  const tree = new StagingTree();
  const layered = new LayerTree(tree);
  const left = startCounting({ ...defaultUnpackLimits, ...limits });
  for (const [i, layer] of layers.entries()) {
    const entries = layer.map((entry) => (typeof entry === 'string' ? shorthand(entry) : entry));
    await applyLayer(layered, memorySource(tarArchive(entries), `layer ${i + 1}`), left);
  }
  return tree;
}

/** "dir/", "link -> target", "hard = target", "file": its content is its name. */
function shorthand(text: string): Entry {
  const [path = '', target] = text.split(/ (?:->|=) /);
  if (text.includes(' -> ')) return { path, type: '2', target: target ?? '' };
  if (text.includes(' = ')) return { path, type: '1', target: target ?? '' };
  return path.endsWith('/') ? { path, type: '5' } : { path, content: path };
}

async function lines(tree: StagingTree): Promise<string[]> {
  const found: string[] = [];
  for (const { path, node } of tree.walk()) {
    if (node.kind === 'directory') found.push(`${path}/`);
    else if (node.kind === 'symlink') found.push(`${path} -> ${node.target}`);
    else found.push(`${path}: ${(await wholeContent(node.content, 1e6)).toString()}`);
  }
  return found;
}

describe('layers', () => {
  const cases: Readonly<Record<string, readonly [readonly Layer[], readonly string[]]>> = {
    'add and replace': [
      [
        ['a', 'b'],
        [{ path: 'a', content: 'new' }, './c'],
      ],
      ['/a: new', '/b: b', '/c: ./c'],
    ],
    'take files away': [
      [
        ['a', 'd/x', 'd/y'],
        ['.wh.a', 'd/.wh.x'],
      ],
      ['/d/', '/d/y: d/y'],
    ],
    'take whole directories away': [[['d/e/x', 'f'], ['.wh.d']], ['/f: f']],
    'leave alone what they add themselves, in whatever order': [
      [
        ['a', 'd/old'],
        ['a', '.wh.a', 'd/new', '.wh.d'],
      ],
      ['/a: a', '/d/', '/d/new: d/new'],
    ],
    'empty directories': [
      [
        ['d/e/x', 'd/y'],
        ['d/new', 'd/.wh..wh..opq', 'd/e/z'],
      ],
      ['/d/', '/d/e/', '/d/e/z: d/e/z', '/d/new: d/new'],
    ],
    'empty directories of links': [
      [
        ['usr/lib/x', 'lib -> usr/lib'],
        ['lib/.wh..wh..opq', 'lib/y'],
      ],
      ['/lib -> usr/lib', '/usr/', '/usr/lib/', '/usr/lib/y: lib/y'],
    ],
    'forgive whiteouts of nothing, and what aufs left': [
      [['a', '.wh.b', 'x/.wh.c', '.wh..wh..opq', '.wh..wh.plnk/', '.wh..wh.aufs']],
      ['/a: a'],
    ],
    'put files in place of directories and links, and the other way round': [
      [
        ['a/x', 'b', 'c -> b', 'd -> e', 'e/'],
        ['a', 'b/y', 'c', 'd/'].map((path) => (path === 'b/y' ? { path: 'b', type: '5' } : path)),
      ],
      ['/a: a', '/b/', '/c: c', '/d/', '/e/'],
    ],
    'follow links inside the image': [
      [
        ['usr/lib/', 'lib -> usr/lib', 'var/run -> /run', 'l -> ../lib/./'],
        ['lib/a', 'var/run/b', 'usr/m -> ../lib', 'usr/m/c'],
      ],
      [
        '/l -> ../lib/./',
        '/lib -> usr/lib',
        '/run/',
        '/run/b: var/run/b',
        '/usr/',
        '/usr/lib/',
        '/usr/lib/a: lib/a',
        '/usr/lib/c: usr/m/c',
        '/usr/m -> ../lib',
        '/var/',
        '/var/run -> /run',
      ],
    ],
    'keep hard links, within and across': [
      [
        ['a', 'b = a'],
        ['c = b', { path: 'a', content: 'new' }],
      ],
      ['/a: new', '/b: a', '/c: a'],
    ],
    'may name the root directory': [
      [[{ path: '/', type: '5' }, { path: './', type: '5' }, './a']],
      ['/a: ./a'],
    ],
    'lose the devices that the kernel mounts over': [
      [['dev/', { path: 'dev/null', type: '3' }, { path: 'dev/initctl', type: '6' }]],
      ['/dev/'],
    ],
  };
  for (const [name, [layers, expected]] of Object.entries(cases)) {
    it(name, async () => assert.deepEqual(await lines(await apply(layers)), expected));
  }

  it('share what is a hard link', async () => {
    const tree = await apply([['a'], ['b = a']]);
    assert.equal(tree.find('/a')?.node, tree.find('/b')?.node);
  });

  it('keep owners, modes and the attributes that belong to a program', async () => {
    const pax = {
      'SCHILY.xattr.security.capability': Buffer.from([1, 0, 0, 2, 0xff]),
      'SCHILY.xattr.user.x': 'y',
      'SCHILY.xattr.security.selinux': 'label',
      'SCHILY.xattr.trusted.overlay.origin': 'x',
    };
    const tree = await apply([
      [
        { path: 'a', mode: 0o6755, uid: 999, gid: 42, pax },
        { path: 'd', type: '5', mode: 0o1777, uid: 7 },
      ],
    ]);
    const file = tree.find('/a')?.node;
    assert.ok(file?.kind === 'file');
    assert.equal(file.mode, 0o6755);
    assert.deepEqual(file.owner, { uid: 999, gid: 42 });
    assert.deepEqual([...(file.xattrs ?? [])].sort(), [
      ['security.capability', Buffer.from([1, 0, 0, 2, 0xff])],
      ['user.x', Buffer.from('y')],
    ]);
    const directory = tree.find('/d')?.node;
    assert.ok(directory?.kind === 'directory');
    assert.deepEqual([directory.mode, directory.owner], [0o1777, { uid: 7, gid: 0 }]);
  });
});

describe('hostile layers are refused, naming layer and entry', () => {
  const cases: Readonly<Record<string, readonly [readonly Layer[], RegExp]>> = {
    '".." in a name': [
      [['a'], ['x/../../y']],
      /^layer 2: the entry 'x\/\.\.\/\.\.\/y' has "\.\." in its name/,
    ],
    'an absolute name': [[['/etc/passwd']], /entry '\/etc\/passwd' has an absolute name/],
    'a hard link to an absolute name': [[['a = /etc/shadow']], /entry 'a' has an absolute link target/],
    'a hard link with ".."': [[['a = ../../etc/shadow']], /entry 'a' has "\.\." in its link target/],
    'a hard link to nothing': [[['a = b']], /entry 'a' is a hard link to 'b', which is not there/],
    'a hard link to a directory': [[['d/', 'a = d']], /which is a directory/],
    'a name behind a link that leads out': [
      [['out -> ../../etc', 'out/passwd']],
      /entry 'out\/passwd' is behind a symbolic link that leads out/,
    ],
    'a hard link behind a link that leads out': [
      [['out -> ../..', 'a = out/etc/shadow']],
      /entry 'a' is behind a symbolic link that leads out/,
    ],
    'a whiteout behind a link that leads out': [[['out -> ..', 'out/.wh.x']], /leads out of the image/],
    'links in a circle': [[['a -> b', 'b -> a', 'a/x']], /entry 'a\/x' is behind too many symbolic links/],
    'a file as directory': [[['a', 'a/b']], /entry 'a\/b' is below a, which is a file/],
    'a block device': [
      [[{ path: 'sda', type: '4' }]],
      /entry 'sda' is a block device node, which an image cannot have/,
    ],
    'a character device': [[[{ path: 'x/null', type: '3' }]], /is a character device node/],
    'a pipe': [[[{ path: 'p', type: '6' }]], /is a named pipe/],
    'a whiteout of nothing': [[['.wh.']], /is a whiteout of nothing/],
    'a whiteout of the directory above': [[['d/', 'd/.wh...']], /is a whiteout of nothing/],
    'a name that is not text': [[[{ path: Buffer.from([0x61, 0xff]) }]], /has a name that is not UTF-8/],
    'a name with NUL': [[[{ path: 'x', pax: { path: 'a\0b' } }]], /has a NUL byte in its name/],
    'a name too long': [[[{ path: 'x', pax: { path: 'a'.repeat(256) } }]], /too long or too deep/],
    'a directory too deep': [
      [[{ path: 'x', pax: { path: 'a/'.repeat(257) + 'b' } }]],
      /too long or too deep/,
    ],
    'a directory too deep, behind links': [
      [
        [
          { path: 'x', pax: { path: 'a/'.repeat(200) + 'b' } },
          { path: 'l', type: '2', pax: { linkpath: 'a/'.repeat(200) } },
          { path: 'x', pax: { path: `l/${'a/'.repeat(100)}b` } },
        ],
      ],
      /too deep in the image/,
    ],
    'a link to nothing': [[[{ path: 'l', type: '2' }]], /is a symlink to nothing/],
  };
  for (const [name, [layers, message]] of Object.entries(cases)) {
    it(name, () => failsWith(apply(layers), 'InvalidArgs', message));
  }

  it('more entries than allowed', () =>
    failsWith(
      apply([['a', 'b'], ['c']], { entries: 2 }),
      'LimitsExceeded',
      /layer 2: with the entry 'c' .* --max-entries/,
    ));

  it('more attributes than fit into memory', () => {
    const pax = { 'SCHILY.xattr.user.x': 'x'.repeat(1000) };
    return failsWith(
      apply([[{ path: 'a', pax }]], { metadataBytes: 500 }),
      'LimitsExceeded',
      /names and attributes/,
    );
  });

  it('a file that is one huge hole', () => {
    const pax = { 'GNU.sparse.size': '9000000000000000', 'GNU.sparse.map': '0,1' };
    return failsWith(
      apply([[{ path: 'a', content: 'x', pax }]]),
      'LimitsExceeded',
      /more bytes than allowed/,
    );
  });
});
