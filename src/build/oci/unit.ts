/**
 * A unit file out of what a container image says about how it is run. What each field becomes, and what is lost:
 * docs/from-containers.md.
 */
import { posix } from 'node:path';
import { PortableError, quoted } from '../../base/errors.ts';
import type { StagingTree } from '../tree.ts';
import type { ContainerConfig } from './config.ts';
import { resolveUser } from './passwd.ts';
import type { ContainerUser } from './passwd.ts';
import { signalName } from './signals.ts';
import { argument, assignment, isVariableName, linePath, oneLine, program } from './unit-syntax.ts';

export interface ContainerUnit {
  /** The unit file. */
  readonly text: string;
  /** Directories that it needs in the image. */
  readonly directories: readonly string[];
}

/** What container runtimes look programs up in when the image does not say. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * @param tree the container's files
 * @param name of the portable service; data is kept below /var/lib/NAME
 * @throws PortableError InvalidArgs when the image says nothing to run, or something that a unit cannot say
 */
export async function unitOfContainer(
  tree: StagingTree,
  config: ContainerConfig,
  { name, description }: { readonly name: string; readonly description?: string },
): Promise<ContainerUnit> {
  const workingDirectory = posix.resolve('/', config.workingDir);
  const volumes = config.volumes
    .map((volume) => posix.resolve('/', volume))
    .filter((path) => path !== '/')
    .sort();
  const service = [
    'Type=exec',
    `ExecStart=${commandLine(tree, config, workingDirectory)}`,
    ...environment(config),
    ...identity(await resolveUser(tree, config.user)),
    ...(workingDirectory === '/' ? [] : [`WorkingDirectory=${linePath(workingDirectory)}`]),
    ...volumes.flatMap((volume) => persistent(name, volume)),
    ...(config.stopSignal === '' ? [] : [`KillSignal=${signalName(config.stopSignal)}`]),
    '# as container runtimes do: the main process is asked to stop, then all are killed',
    'KillMode=mixed',
  ];
  const text = [
    '[Unit]',
    `Description=${oneLine(description ?? name)
      .replaceAll('%', '%%')
      .replace(/\\$/, '')}`,
    'After=network.target',
    ...config.exposedPorts.map((port) => `# the container listens on port ${oneLine(port)}`),
    '',
    '[Service]',
    ...service,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
  const made = workingDirectory === '/' ? [] : [workingDirectory];
  // a read-only image must have both ends of what is mounted
  const mountPoints = volumes.flatMap((volume) => [volume, stateDirectory(name, volume)]);
  return { text, directories: [...made, ...mountPoints] };
}

function commandLine(tree: StagingTree, config: ContainerConfig, workingDirectory: string): string {
  const [first, ...rest] = [...config.entrypoint, ...config.cmd];
  if (first === undefined || first === '') {
    throw new PortableError('InvalidArgs', 'the container image has neither an entry point nor a command', {
      hint: 'say what to run in a unit file of your own',
    });
  }
  return [program(findProgram(tree, config, first, workingDirectory)), ...rest.map(argument)].join(' ');
}

/** Where a program is, as the container's runtime would find it. */
function findProgram(
  tree: StagingTree,
  config: ContainerConfig,
  word: string,
  workingDirectory: string,
): string {
  const candidates = word.includes('/')
    ? [posix.resolve(workingDirectory, word)]
    : searchPath(config).map((directory) => posix.resolve(workingDirectory, directory, word));
  const found = candidates.find((path) => {
    const node = tree.find(path)?.node;
    return node?.kind === 'file' && (node.mode & 0o111) !== 0;
  });
  if (found !== undefined) return found;
  throw new PortableError('InvalidArgs', `the container image has no program ${quoted(word)}`, {
    hint: `looked for as ${candidates.join(', ')}`,
  });
}

function searchPath(config: ContainerConfig): string[] {
  const set = config.env.findLast((entry) => entry.startsWith('PATH='));
  return (set?.slice('PATH='.length) ?? defaultPath).split(':').filter((directory) => directory !== '');
}

/** Of repeated names, the last counts there and here. */
function environment(config: ContainerConfig): string[] {
  return config.env.flatMap((entry) => {
    const equals = entry.indexOf('=');
    const name = equals < 0 ? entry : entry.slice(0, equals);
    if (!isVariableName(name)) return [`# left out, no name for a variable of a unit: ${oneLine(name)}`];
    return [`Environment=${assignment(name, equals < 0 ? '' : entry.slice(equals + 1))}`];
  });
}

/**
 * Root stays unsaid: the profile decides. Any other user is numeric, since the host has no user of that name, and dynamic,
 * since the service manager then takes a number that the host knows no user for.
 */
function identity({ uid, gid }: ContainerUser): string[] {
  if (uid === 0) return [];
  return ['DynamicUser=yes', `User=${uid}`, ...(gid === undefined ? [] : [`Group=${gid}`])];
}

/** Data of a volume is kept in the service's own state directory, and seen where the container had it. */
function persistent(name: string, volume: string): string[] {
  if (!/^[A-Za-z0-9_.@+-]+$/.test(volume.replaceAll('/', ''))) {
    throw new PortableError(
      'InvalidArgs',
      `the container keeps data in ${quoted(volume)}, a name no unit can say`,
      {
        hint: 'give a unit file of your own',
      },
    );
  }
  return [`StateDirectory=${name}${volume}`, `BindPaths=${stateDirectory(name, volume)}:${volume}`];
}

function stateDirectory(name: string, volume: string): string {
  return `/var/lib/${name}${volume}`;
}
