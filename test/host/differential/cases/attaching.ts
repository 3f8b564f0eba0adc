/** Attaching in every mode, versions, clashes, force, states. */
import {
  attach,
  attachLayers,
  detach,
  detachLayers,
  force,
  imageInterface,
  imagesPath,
  listImages,
  reattach,
  reload,
  run,
  runtime,
  state,
  write,
} from '../calls.ts';
import type { CallStep, Case } from '../case.ts';

const images = {
  'a directory': '/opt/dir',
  'a raw image': '/opt/foo_1.raw',
  'an xz image': '/opt/xz_1.raw',
  'a link to a directory': '/opt/linkdir',
  'a link to a raw image': '/opt/linkraw.raw',
  'a directory of the pool': 'pool',
  'a raw image of the pool': 'poolraw_1',
  'a directory of the pool by path': '/var/lib/portables/pool',
  'a vendor image': 'vendor',
  'a local image': 'local',
  'a versioned raw image': 'ver',
  'a versioned directory': 'vdir',
} as const;

const modes: readonly Case[] = Object.entries(images).flatMap(([name, image]) =>
  [true, false].flatMap((isRuntime) =>
    ['', 'copy', 'symlink', 'mixed'].map((copy) => ({
      name: `${name}, ${isRuntime ? 'runtime' : 'persistent'}, copy mode '${copy}'`,
      steps: [
        attach(image, { runtime: isRuntime, copy, profile: 'default' }),
        state(image),
        detach(image, isRuntime),
        state(image),
      ],
    })),
  ),
);

const types: readonly Case[] = [
  {
    name: 'units of every type, profile for services and timers',
    steps: [
      write('/etc/systemd/portable/profile/mine/service.conf', '[Service]\nNice=1\n'),
      write('/run/systemd/portable/profile/mine/timer.conf', '[Timer]\nAccuracySec=1s\n'),
      attach('/opt/all', { profile: 'mine' }),
      detach('/opt/all'),
      attach('/opt/all', { profile: 'mine', copy: 'copy' }),
      detach('/opt/all'),
      run('rm', '-r', '/etc/systemd/portable', '/run/systemd/portable'),
    ],
  },
  { name: 'where units are looked for in an image', steps: [attach('/opt/lookup'), detach('/opt/lookup')] },
  {
    name: 'where units are looked for in an image, as links',
    steps: [attach('/opt/lookup', { copy: 'symlink' }), detach('/opt/lookup')],
  },
  ...['image', 'build', 'id', 'version', 'spaces', 'empty', 'control', 'percent', 'quotes'].map((kind) => ({
    name: `name and version in the drop-in: ${kind}`,
    steps: [attach(`/opt/name_${kind}`), detach(`/opt/name_${kind}`)],
  })),
];

/** The image's own object does the same as the manager. */
function onObject(label: string, member: string, signature: string, body: readonly unknown[]): CallStep {
  return { path: `${imagesPath}/${label}`, interface: imageInterface, member, signature, body };
}

const objects: readonly Case[] = [
  {
    name: 'the image object attaches, reattaches, detaches',
    steps: [
      onObject('pool', 'Attach', 'assbs', [[], 'default', true, '']),
      onObject('pool', 'GetState', '', []),
      onObject('pool', 'Reattach', 'assbs', [[], '', true, 'copy']),
      onObject('pool', 'GetStateWithExtensions', 'ast', [[], 0n]),
      onObject('pool', 'Detach', 'b', [true]),
      onObject('pool', 'GetState', '', []),
    ],
  },
  {
    name: 'the image object with extensions and flags',
    steps: [
      onObject('pool', 'AttachWithExtensions', 'asassst', [[], [], '', '', runtime]),
      onObject('pool', 'ReattachWithExtensions', 'asassst', [[], [], '', '', runtime]),
      onObject('pool', 'ReattacheWithExtensions', 'asassst', [[], [], '', '', runtime]),
      onObject('pool', 'DetachWithExtensions', 'ast', [[], runtime]),
      onObject('pool', 'GetMetadata', 'as', [[]]),
      onObject('pool', 'GetMetadataWithExtensions', 'asast', [[], [], 0n]),
      onObject('pool', 'GetOSRelease', '', []),
    ],
  },
];

const versions: readonly Case[] = [
  {
    name: 'which names mean an attached version',
    steps: [
      attach('/opt/foo_1.raw'),
      ...[
        ...[
          '/opt/foo_1.raw',
          '/opt/foo_2.raw',
          '/opt/other/foo_1.raw',
          '/opt/foo',
          '/nonexistent/foo_77.raw',
        ],
        ...[
          '/opt/foobar',
          '/opt/linkraw.raw',
          'foo_1',
          'foo_2',
          'foo_9',
          'foo',
          'foo+1',
          'foo_1.raw',
          'bar',
          'fo',
        ],
      ].map(state),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'detaching by another version',
    steps: [attach('/opt/foo_1.raw'), detach('/opt/foo_2.raw'), state('/opt/foo_1.raw')],
  },
  {
    name: 'detaching by name',
    steps: [attach('/opt/foo_1.raw'), detach('foo_1'), state('/opt/foo_1.raw')],
  },
  {
    name: 'detaching by the bare name',
    steps: [attach('/opt/foo_1.raw'), detach('foo'), state('/opt/foo_1.raw')],
  },
  {
    name: 'detaching by a foreign name',
    steps: [attach('/opt/foo_1.raw'), detach('bar'), detach('/opt/foobar'), state('/opt/foo_1.raw')],
  },
  {
    name: 'detaching when the image is gone',
    steps: [
      attach('/opt/foo_1.raw'),
      run('rm', '/opt/foo_1.raw'),
      state('/opt/foo_1.raw'),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'detaching with the other lifetime',
    steps: [attach('/opt/foo_1.raw'), detach('/opt/foo_1.raw', false), detach('/opt/foo_1.raw')],
  },
  {
    name: 'attaching twice, and another version',
    steps: [
      attach('/opt/foo_1.raw'),
      attach('/opt/foo_1.raw'),
      attach('/opt/foo_2.raw'),
      attach('/opt/foo_1.raw', { runtime: false }),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'attaching twice by force',
    steps: [
      attachLayers('/opt/foo_1.raw', [], { profile: 'default' }),
      attachLayers('/opt/foo_1.raw', [], { flags: runtime | force }),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'attached in both places',
    steps: [
      attachLayers('/opt/foo_1.raw', [], { flags: runtime }),
      attachLayers('/opt/foo_1.raw', [], { flags: force }),
      state('/opt/foo_1.raw'),
      detach('/opt/foo_1.raw', false),
      state('/opt/foo_1.raw'),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'a list of images, one of them attached',
    steps: [
      attach('/opt/foo_1.raw'),
      listImages,
      attach('poolraw_1'),
      listImages,
      detach('/opt/foo_1.raw'),
      listImages,
    ],
  },
];

const reattaching: readonly Case[] = [
  {
    name: 'reattach to another version, and the same again',
    steps: [
      attach('/opt/foo_1.raw', { profile: 'default' }),
      reattach('/opt/foo_2.raw', { profile: 'default' }),
      reattach('/opt/foo_2.raw', { profile: 'default' }),
      detach('/opt/foo_2.raw'),
    ],
  },
  {
    name: 'reattach persistently',
    steps: [
      attach('/opt/foo_1.raw', { runtime: false }),
      reattach('/opt/foo_2.raw', { runtime: false }),
      detach('/opt/foo_2.raw', false),
    ],
  },
  {
    name: 'reattach with another profile and copy mode',
    steps: [
      attach('/opt/dir', { profile: 'default' }),
      reattach('/opt/dir', { profile: 'strict', copy: 'copy' }),
      reattach('/opt/dir', { copy: 'symlink' }),
      detach('/opt/dir'),
    ],
  },
  {
    name: 'reattach with the other lifetime',
    steps: [
      attach('/opt/foo_1.raw'),
      reattach('/opt/foo_2.raw', { runtime: false }),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'reattach what is not attached',
    steps: [reattach('/opt/foo_1.raw'), reattach('pool'), reattach('nope')],
  },
  {
    name: 'reattach with matches',
    steps: [
      attach('/opt/all', { matches: ['all.service', 'all.socket'] }),
      reattach('/opt/all', { matches: ['all.service', 'all.timer'] }),
      detach('/opt/all'),
    ],
  },
  {
    name: 'reattach from a directory to a raw image',
    steps: [
      run('cp', '-a', '/opt/dir', '/opt/foo_0'),
      run(
        'mv',
        '/opt/foo_0/usr/lib/systemd/system/dir.service',
        '/opt/foo_0/usr/lib/systemd/system/foo.service',
      ),
      attach('/opt/foo_0'),
      reattach('/opt/foo_2.raw'),
      detach('/opt/foo_2.raw'),
    ],
  },
  {
    name: 'reattach to an image that does not fit',
    steps: [
      attach('/opt/all'),
      reattach('/opt/all_2', { matches: ['nope'] }),
      state('/opt/all'),
      reattach('/opt/all_2', { profile: 'default' }),
    ],
  },
  {
    name: 'reattach to a version that brings a unit of another image',
    steps: [attach('/opt/holder'), attach('/opt/foo_1.raw'), reattach('/opt/foo_2.raw')],
  },
  {
    name: 'reattach of an image of the pool, by name',
    steps: [attach('poolraw_1'), reattach('poolraw_1'), state('poolraw_1'), detach('poolraw_1')],
  },
  {
    name: 'reattach in mixed mode',
    steps: [
      attach('/opt/foo_1.raw', { copy: 'mixed' }),
      reattach('/opt/foo_2.raw', { copy: 'mixed' }),
      detach('/opt/foo_2.raw'),
    ],
  },
];

const clashes: readonly Case[] = [
  {
    name: 'a unit file of that name',
    steps: [
      write('/etc/systemd/system/clash.service', '[Service]\nExecStart=true\n'),
      reload,
      attach('/opt/clash'),
      attachLayers('/opt/clash', [], { flags: runtime | force }),
      detach('/opt/clash'),
      run('rm', '/etc/systemd/system/clash.service'),
      reload,
    ],
  },
  {
    name: 'one of two units is there',
    steps: [
      write('/run/systemd/system/clashes-2.service', '[Service]\nExecStart=true\n'),
      reload,
      attach('/opt/clashes'),
      run('rm', '/run/systemd/system/clashes-2.service'),
      reload,
    ],
  },
  {
    name: 'a masked unit of that name',
    steps: [
      run('ln', '-s', '/dev/null', '/etc/systemd/system/clash.service'),
      reload,
      attach('/opt/clash'),
      run('rm', '/etc/systemd/system/clash.service'),
      reload,
    ],
  },
  {
    name: 'an alias of that name',
    steps: [
      run('ln', '-s', '/usr/lib/systemd/system/systemd-logind.service', '/etc/systemd/system/clash.service'),
      reload,
      attach('/opt/clash'),
      run('rm', '/etc/systemd/system/clash.service'),
      reload,
    ],
  },
  {
    name: 'a transient unit of that name',
    steps: [
      run('systemd-run', '--unit=clash.service', 'sleep', '1000'),
      attach('/opt/clash'),
      run('systemctl', 'stop', 'clash.service'),
    ],
  },
  {
    name: 'an instance that runs without its template',
    steps: [
      write('/run/systemd/system/inst@.service', '[Service]\nExecStart=sleep 1000\n'),
      reload,
      run('systemctl', 'start', 'inst@a.service'),
      run('rm', '/run/systemd/system/inst@.service'),
      reload,
      attach('/opt/inst'),
      run('systemctl', 'stop', 'inst@a.service'),
    ],
  },
  {
    name: 'a foreign drop-in',
    steps: [
      write('/run/systemd/system.attached/clash.service.d/foreign.conf', '[Service]\n'),
      attach('/opt/clash'),
      detach('/opt/clash'),
    ],
  },
  {
    name: 'a foreign 20-portable.conf',
    steps: [
      write('/run/systemd/system.attached/clash.service.d/20-portable.conf', '[Service]\n'),
      attach('/opt/clash'),
    ],
  },
  {
    name: 'something else of that name in /run/portables',
    steps: [
      run('mkdir', '-p', '/run/portables'),
      run('ln', '-s', '/opt/other/foo_1.raw', '/run/portables/foo_1.raw'),
      attach('/opt/foo_1.raw'),
      detach('/opt/foo_1.raw'),
    ],
  },
  {
    name: 'an empty directory of attached units that was there before',
    steps: [run('mkdir', '-p', '/run/systemd/system.attached'), attach('/opt/clash'), detach('/opt/clash')],
  },
  {
    name: 'two images attached',
    steps: [
      attach('/opt/clash'),
      attach('/opt/dir'),
      detach('/opt/clash'),
      state('/opt/dir'),
      detach('/opt/dir'),
    ],
  },
];

const running: readonly Case[] = [
  {
    name: 'a unit runs',
    steps: [
      attach('/opt/foo_1.raw'),
      reload,
      run('systemctl', 'start', 'foo.service'),
      state('/opt/foo_1.raw'),
      detach('/opt/foo_1.raw'),
      reattach('/opt/foo_2.raw'),
      state('/opt/foo_2.raw'),
      detachLayers('/opt/foo_2.raw', [], runtime | force),
      state('/opt/foo_2.raw'),
      attach('/opt/foo_1.raw'),
      run('systemctl', 'stop', 'foo.service'),
      reload,
    ],
  },
  {
    name: 'a unit is enabled',
    steps: [
      attach('/opt/install', { runtime: false }),
      reload,
      state('/opt/install'),
      run('systemctl', 'enable', 'install.service'),
      state('/opt/install'),
      run('systemctl', 'disable', 'install.service'),
      run('systemctl', 'enable', '--runtime', 'install.service'),
      state('/opt/install'),
      run('systemctl', 'disable', '--runtime', 'install.service'),
      state('/opt/install'),
      run('systemctl', 'mask', '--runtime', 'install.service'),
      state('/opt/install'),
      run('systemctl', 'unmask', '--runtime', 'install.service'),
      detach('/opt/install', false),
      reload,
    ],
  },
  {
    name: 'a unit is enabled, attached at run time',
    steps: [
      attach('/opt/install'),
      reload,
      state('/opt/install'),
      run('systemctl', 'enable', '--runtime', 'install.service'),
      state('/opt/install'),
      run('systemctl', 'disable', '--runtime', 'install.service'),
      detach('/opt/install'),
      reload,
    ],
  },
  {
    name: 'an instance runs',
    steps: [
      attach('/opt/inst'),
      reload,
      state('/opt/inst'),
      run('systemctl', 'start', 'inst@b.service'),
      state('/opt/inst'),
      detach('/opt/inst'),
      run('systemctl', 'stop', 'inst@b.service'),
      detach('/opt/inst'),
      reload,
    ],
  },
  {
    name: 'the image is removed while attached',
    steps: [
      attach('/opt/foo_1.raw'),
      { member: 'RemoveImage', signature: 's', body: ['/opt/foo_1.raw'] },
      listImages,
    ],
  },
];

export const attachingCases: readonly Case[] = [
  ...modes,
  ...types,
  ...objects,
  ...versions,
  ...reattaching,
  ...clashes,
  ...running,
];
