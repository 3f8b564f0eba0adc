/** What a container's config becomes in a unit file; that systemd reads it back as it was, the host tests show. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inlineContent } from '../../../src/build/content.ts';
import type { ContainerConfig } from '../../../src/build/oci/config.ts';
import { unitOfContainer } from '../../../src/build/oci/unit.ts';
import { StagingTree } from '../../../src/build/tree.ts';
import { failsWith } from '../../support/fails-with.ts';

const nothing: ContainerConfig = {
  platform: { os: 'linux', architecture: 'amd64', variant: undefined },
  diffIds: [],
  user: '',
  env: [],
  entrypoint: [],
  cmd: ['/bin/run'],
  workingDir: '',
  stopSignal: '',
  exposedPorts: [],
  volumes: [],
};

function tree(): StagingTree {
  const made = new StagingTree();
  const file = (path: string, mode: number, text = ''): void => {
    made.put(path, { kind: 'file', mode, content: inlineContent(text) });
  };
  made.directory('/usr/bin');
  made.put('/bin', { kind: 'symlink', target: 'usr/bin' });
  file('/bin/run', 0o755);
  file('/bin/data', 0o644);
  file('/opt/app/start me', 0o755);
  file("/opt/app/it's", 0o755);
  made.put('/usr/local/bin/tool', { kind: 'symlink', target: '/bin/run' });
  file('/etc/passwd', 0o644, 'root:x:0:0::/:\nweb:x:33:34::/:\n4000:x:12:13::/:\nbad:x:-1:x::/:\n');
  file('/etc/group', 0o644, 'root:x:0:\ntape:x:26:\n');
  return made;
}

/** The lines of the unit that `config` leads to, but for those that are always the same. */
async function lines(config: Partial<ContainerConfig>): Promise<string[]> {
  const { text } = await unitOfContainer(tree(), { ...nothing, ...config }, { name: 'demo' });
  const always = await unitOfContainer(tree(), nothing, { name: 'demo' });
  const usual = always.text.split('\n');
  return text.split('\n').filter((line) => !usual.includes(line));
}

describe('the unit of a container', () => {
  it('starts its program, and stops it as container runtimes do', async () => {
    const { text, directories } = await unitOfContainer(tree(), nothing, {
      name: 'demo',
      description: '100% good\nreally',
    });
    assert.equal(
      text,
      `[Unit]
Description=100%% good really
After=network.target

[Service]
Type=exec
ExecStart=/bin/run
# as container runtimes do: the main process is asked to stop, then all are killed
KillMode=mixed

[Install]
WantedBy=multi-user.target
`,
    );
    assert.deepEqual(directories, []);
  });

  const cases: Readonly<Record<string, readonly [Partial<ContainerConfig>, readonly string[]]>> = {
    'entry point and command': [
      { entrypoint: ['run', '-x'], cmd: ['a b', 'c'] },
      ['ExecStart=/usr/bin/run -x "a b" c'],
    ],
    'a program found by the PATH of the container': [
      { cmd: ['tool'], env: ['PATH=/nowhere:/usr/local/bin'] },
      ['ExecStart=/usr/local/bin/tool', 'Environment=PATH=/nowhere:/usr/local/bin'],
    ],
    'a program relative to the working directory': [
      { cmd: ['./start me', ''], workingDir: 'opt/app' },
      ['ExecStart="/opt/app/start me" ""', 'WorkingDirectory=/opt/app'],
    ],
    'words that mean something to systemd': [
      { cmd: ['/bin/run', '$A', '100%', '"', '\\', ';', 'x\ny', '\u0001'] },
      ['ExecStart=/bin/run $$A 100%% "\\"" "\\\\" ";" "x\\ny" "\\x01"'],
    ],
    environment: [
      { env: ['A=1', 'B=x "y" $z 5%', 'C', 'D=', 'not-a-name=1', 'E=a\nb'] },
      [
        'Environment=A=1',
        'Environment="B=x \\"y\\" $z 5%%"',
        'Environment=C=',
        'Environment=D=',
        '# left out, no name for a variable of a unit: not-a-name',
        'Environment="E=a\\nb"',
      ],
    ],
    root: [{ user: 'root' }, []],
    'root by number': [{ user: '0:0' }, []],
    'a user by name': [{ user: 'web' }, ['DynamicUser=yes', 'User=33', 'Group=34']],
    'a user and a group': [{ user: 'web:tape' }, ['DynamicUser=yes', 'User=33', 'Group=26']],
    'a user by a number that the image knows': [{ user: '33' }, ['DynamicUser=yes', 'User=33', 'Group=34']],
    'a user by a number that it does not know': [{ user: '5000' }, ['DynamicUser=yes', 'User=5000']],
    'a user whose name is a number': [{ user: '4000' }, ['DynamicUser=yes', 'User=12', 'Group=13']],
    'numbers of user and group': [{ user: '5000:6000' }, ['DynamicUser=yes', 'User=5000', 'Group=6000']],
    'the signal to stop with': [{ stopSignal: 'sigquit' }, ['KillSignal=SIGQUIT']],
    'a signal by number': [{ stopSignal: '3' }, ['KillSignal=SIGQUIT']],
    'a real-time signal by number': [{ stopSignal: '64' }, ['KillSignal=64']],
    'a real-time signal': [{ stopSignal: 'RTMIN+3' }, ['KillSignal=SIGRTMIN+3']],
    volumes: [
      { volumes: ['/var/lib/x/', '/data'] },
      [
        'StateDirectory=demo/data',
        'BindPaths=/var/lib/demo/data:/data',
        'StateDirectory=demo/var/lib/x',
        'BindPaths=/var/lib/demo/var/lib/x:/var/lib/x',
      ],
    ],
    ports: [{ exposedPorts: ['80/tcp'] }, ['# the container listens on port 80/tcp']],
  };
  for (const [name, [config, expected]] of Object.entries(cases)) {
    it(`has ${name}`, async () => assert.deepEqual(await lines(config), expected));
  }

  it('needs the directories that it names', async () => {
    const { directories } = await unitOfContainer(
      tree(),
      { ...nothing, workingDir: '/w', volumes: ['/v'] },
      { name: 'demo' },
    );
    assert.deepEqual(directories, ['/w', '/v', '/var/lib/demo/v']);
  });
});

describe('containers that no unit can run are refused', () => {
  const cases: Readonly<Record<string, readonly [Partial<ContainerConfig>, RegExp]>> = {
    'nothing to run': [{ cmd: [] }, /neither an entry point nor a command .*a unit file/],
    'a program that is missing': [
      { cmd: ['none'] },
      /no program 'none' .*looked for as \/usr\/local\/sbin\/none/,
    ],
    'a program that is not executable': [{ cmd: ['/bin/data'] }, /no program '\/bin\/data'/],
    'a program with a quote in its name': [{ cmd: ["/opt/app/it's"] }, /has quotes/],
    'a variable with control characters': [{ env: ['A=\u0001'] }, /the variable A .*control characters/],
    'an unknown user': [{ user: 'nobody' }, /as user 'nobody', which its \/etc\/passwd does not have/],
    'a user without a number': [{ user: 'bad' }, /as user 'bad'/],
    'an unknown group': [{ user: 'web:none' }, /as group 'none'/],
    'a number that is no user': [{ user: '4294967295' }, /as user '4294967295'/],
    'a signal that has no number': [{ stopSignal: '65' }, /'65', which is no signal/],
    'a signal between those with names and real-time ones': [
      { stopSignal: '33' },
      /'33', which is no signal/,
    ],
    'an unknown signal': [{ stopSignal: 'SIGNONE' }, /'SIGNONE', which is no signal/],
    'a working directory that ends in a blank': [
      { workingDir: '/x ' },
      /'\/x ' cannot be written into a unit file: it ends in white space/,
    ],
    'a volume with a colon': [{ volumes: ['/a:b'] }, /keeps data in '\/a:b'/],
  };
  for (const [name, [config, message]] of Object.entries(cases)) {
    it(name, () => failsWith(lines(config), 'InvalidArgs', message));
  }
});
