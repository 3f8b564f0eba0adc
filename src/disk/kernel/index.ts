/**
 * File systems that we have no reader of our own for, read by the kernel's driver: a process with a mount namespace of
 * its own mounts the image and serves its tree, so that neither mount nor loop device is ever seen by anybody else, or
 * outlives it. docs/decisions/kernel-reader.md
 */
import { readFileSync } from 'node:fs';
import { PortableError, quoted } from '../../base/errors.ts';
import type { Budget } from '../budget.ts';
import type { BlockSource } from '../source.ts';
import type { DirectoryEntry, FileTree, TreeNode } from '../tree.ts';
import { Mounter } from './mounter.ts';
import { type NodeHandle, longestRead } from './protocol.ts';

/**
 * Opens the file system in `source` through the kernel. Closing the tree ends the process; the source stays open.
 *
 * @param type the file system's name, which is the kernel's as well
 * @throws PortableError AccessDenied without CAP_SYS_ADMIN, NotSupported when the bytes are not those of a file or
 *   device as they are (verity), or the kernel lacks the driver, InvalidArgs when it refuses the image
 */
export async function openByKernel(type: string, source: BlockSource, budget: Budget): Promise<FileTree> {
  const { name, size, medium } = source;
  if (medium === undefined) throw indirect(type, name);
  if (!maySysAdmin()) throw unprivileged(type, name);
  const mounter = new Mounter(name, medium.descriptor, budget);
  const limits = { ...budget.limits, wallTimeMs: Math.ceil(budget.remainingMs) };
  try {
    await mounter.ask('open', { type, name, offset: medium.offset, size, limits });
  } catch (error) {
    await mounter.end();
    throw error;
  }
  return {
    type,
    name,
    root: async () => new KernelNode(await mounter.ask('root', undefined), mounter, budget),
    close: () => mounter.end(),
  };
}

/** An inode that the process holds open for us. */
class KernelNode implements TreeNode {
  readonly stat: TreeNode['stat'];
  readonly #node: number;
  readonly #mounter: Mounter;
  readonly #budget: Budget;

  constructor(handle: NodeHandle, mounter: Mounter, budget: Budget) {
    this.stat = handle.stat;
    this.#node = handle.node;
    this.#mounter = mounter;
    this.#budget = budget;
  }

  async lookup(name: Buffer): Promise<TreeNode | undefined> {
    const found = await this.#mounter.ask('lookup', { node: this.#node, name });
    return found === undefined ? undefined : new KernelNode(found, this.#mounter, this.#budget);
  }

  async *entries(): AsyncGenerator<DirectoryEntry> {
    const listing = await this.#mounter.ask('list', { node: this.#node });
    try {
      for (;;) {
        const entries = await this.#mounter.ask('next', { listing });
        if (entries.length === 0) return;
        this.#budget.charge('directoryEntries', entries.length);
        yield* entries;
      }
    } finally {
      await this.#mounter.ask('endList', { listing }).catch(() => undefined); // the failure that matters was thrown
    }
  }

  readlink(): Promise<Buffer> {
    return this.#mounter.ask('readlink', { node: this.#node });
  }

  async read(offset: bigint, length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let filled = 0; filled < length;) {
      const wanted = Math.min(longestRead, length - filled);
      const part = await this.#mounter.ask('read', {
        node: this.#node,
        offset: offset + BigInt(filled),
        length: wanted,
      });
      parts.push(part);
      filled += part.length;
      if (part.length < wanted) break;
    }
    const [first] = parts;
    return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts);
  }

  xattrs(): Promise<ReadonlyMap<string, Buffer>> {
    return this.#mounter.ask('xattrs', { node: this.#node });
  }

  /** A process that has ended has closed it already. */
  async close(): Promise<void> {
    await this.#mounter.ask('close', { node: this.#node }).catch(() => undefined);
  }
}

/** capabilities(7), CAP_SYS_ADMIN. */
const sysAdmin = 1n << 21n;

/** Whether we may mount, as far as our capabilities go. */
function maySysAdmin(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${effective}`) & sysAdmin) !== 0n;
}

function unprivileged(type: string, name: string): PortableError {
  return new PortableError(
    'AccessDenied',
    `${quoted(name)} holds ${type}, which only the kernel can read, and mounting needs CAP_SYS_ADMIN`,
    { file: name, hint: 'as root it can be read; squashfs, erofs, ext4, btrfs and xfs need no privileges' },
  );
}

function indirect(type: string, name: string): PortableError {
  return new PortableError(
    'NotSupported',
    `${quoted(name)} holds ${type}, which only the kernel can read, and it would not check the image's hash`,
    { file: name, hint: 'with verity, squashfs, erofs, ext4, btrfs and xfs can be read' },
  );
}
