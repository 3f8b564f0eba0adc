/**
 * Loop devices of a host. The nodes in a host's /dev are a snapshot, so it gets plenty of them, and links for
 * partitions to the build machine's /dev, where the kernel makes those nodes. Loop devices belong to the whole
 * machine: those a host leaves attached are found by the file systems their files lie on.
 */
import { mkdir, readFile, readdir, stat, symlink } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';

const loopCount = 128;
const partitionCount = 8;

/** Fills a booting host's /dev with loop nodes and partition links. `nodes` keeps the nodes to copy between hosts. */
export async function addLoopNodes(leader: number, nodes: string): Promise<void> {
  const dev = `/proc/${leader}/root/dev`;
  await makeNodes(nodes);
  const present = new Set(await readdir(dev));
  const files = (await readdir(nodes)).filter((name) => !present.has(name));
  await execa('cp', ['-a', ...files.map((name) => path.join(nodes, name)), dev]);
  for (let loop = 0; loop < loopCount; loop++) {
    for (let part = 1; part <= partitionCount; part++) {
      const name = `loop${loop}p${part}`;
      await symlink(`.machine/${name}`, path.join(dev, name));
    }
  }
}

async function makeNodes(nodes: string): Promise<void> {
  await mkdir(nodes, { recursive: true });
  for (let loop = 0; loop < loopCount; loop++) {
    const node = path.join(nodes, `loop${loop}`);
    const there = await stat(node).catch(() => undefined);
    // another run may be making the same nodes
    if (there === undefined)
      await execa('mknod', ['-m', '600', node, 'b', '7', String(loop)], { reject: false });
  }
}

/** The "major:minor" of the file systems that exist only inside this host: its root and its memory file systems. */
export async function ownFileSystems(leader: number): Promise<string[]> {
  const lines = (await readFile(`/proc/${leader}/mountinfo`, 'utf8')).trim().split('\n');
  const own = lines
    .map((line) => line.split(' '))
    .filter((fields) => ['overlay', 'tmpfs'].includes(fields[fields.indexOf('-') + 1] ?? ''))
    .map((fields) => fields[2]!);
  return [...new Set(own)];
}

/** Detaches the loop devices whose backing files lie on the given file systems. */
export async function detachLoops(fileSystems: readonly string[]): Promise<void> {
  const listed = await execa('losetup', ['--list', '--noheadings', '--raw', '-O', 'NAME,BACK-MAJ:MIN']);
  for (const line of listed.stdout.split('\n')) {
    const [loop, backing] = line.trim().split(/\s+/);
    if (loop !== undefined && backing !== undefined && fileSystems.includes(backing)) {
      await execa('losetup', ['-d', loop], { reject: false });
    }
  }
}
