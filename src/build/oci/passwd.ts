/** Users and groups of an image: passwd(5), group(5). */
import { PortableError, quoted } from '../../base/errors.ts';
import { wholeContent } from '../content.ts';
import type { StagingTree } from '../tree.ts';

/** Who a container's program runs as. */
export interface ContainerUser {
  readonly uid: number;
  /** Undefined where the image does not say. */
  readonly gid: number | undefined;
}

const maxFile = 4 * 1024 * 1024;
/** (uid_t) -1 means none. */
const maxId = 0xffff_fffe;

/**
 * What the "User" of a container's config means: "USER", "UID", either with ":GROUP" or ":GID"; empty is root.
 * @throws PortableError InvalidArgs when the image has no such user or group
 */
export async function resolveUser(tree: StagingTree, user: string): Promise<ContainerUser> {
  if (user === '') return { uid: 0, gid: 0 };
  const [name = '', group] = user.split(':');
  const byName = (await rows(tree, '/etc/passwd')).find((row) => row[0] === name);
  const uid = numericId(byName?.[2]) ?? numericId(name);
  if (uid === undefined) throw unknown('user', name, '/etc/passwd');
  const byId = (await rows(tree, '/etc/passwd')).find((row) => numericId(row[2]) === uid);
  const own = numericId((byName ?? byId)?.[3]);
  if (group === undefined || group === '') return { uid, gid: own };
  const groupRow = (await rows(tree, '/etc/group')).find((row) => row[0] === group);
  const gid = numericId(groupRow?.[2]) ?? numericId(group);
  if (gid === undefined) throw unknown('group', group, '/etc/group');
  return { uid, gid };
}

async function rows(tree: StagingTree, path: string): Promise<string[][]> {
  const node = tree.find(path)?.node;
  if (node?.kind !== 'file') return [];
  const text = (await wholeContent(node.content, maxFile)).toString('utf8');
  return text.split('\n').map((line) => line.split(':'));
}

function numericId(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text) || Number(text) > maxId) return undefined;
  return Number(text);
}

function unknown(what: 'user' | 'group', name: string, file: string): PortableError {
  return new PortableError(
    'InvalidArgs',
    `the container runs as ${what} ${quoted(name)}, which its ${file} does not have`,
    {
      file,
      hint: 'give a unit file of your own',
    },
  );
}
