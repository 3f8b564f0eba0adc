/**
 * The program of the process that mounts an image and reads it for the daemon: protocol.ts. It is started in a mount
 * namespace of its own, with the image as a descriptor, and ends with the channel to whoever started it.
 */
import { Budget } from '../budget.ts';
import { openDirectory } from '../directory/index.ts';
import type { DirectoryEntry, FileTree, TreeNode } from '../tree.ts';
import { mountImage, mountPoint } from './mount.ts';
import {
  type NodeHandle,
  type Operation,
  type Operations,
  type Opening,
  type Reply,
  type Request,
  longestList,
  longestRead,
  sendableError,
} from './protocol.ts';

type Answers = {
  readonly [Op in Operation]: (takes: Operations[Op]['takes']) => Promise<Operations[Op]['gives']>;
};

/** Answers requests until the channel is closed. */
function serve(): void {
  const answers = answersOf(new Served());
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message) => {
    void answer(answers, message as Request).then((reply) => process.send?.(reply));
  });
}

async function answer(answers: Answers, { id, operation, takes }: Request): Promise<Reply> {
  try {
    const handler = answers[operation] as (takes: unknown) => Promise<Operations[Operation]['gives']>;
    return { id, gives: await handler(takes) };
  } catch (error) {
    return { id, error: sendableError(error) };
  }
}

function answersOf(served: Served): Answers {
  return {
    open: (opening) => served.open(opening),
    root: async () => served.handle(await served.tree.root()),
    async lookup({ node, name }) {
      const found = await served.node(node).lookup(name);
      return found === undefined ? undefined : served.handle(found);
    },
    list: ({ node }) => Promise.resolve(served.list(served.node(node))),
    next: ({ listing }) => served.next(listing),
    endList: ({ listing }) => served.endList(listing),
    readlink: ({ node }) => served.node(node).readlink(),
    read: ({ node, offset, length }) => served.node(node).read(offset, Math.min(length, longestRead)),
    xattrs: ({ node }) => served.node(node).xattrs(),
    close: ({ node }) => served.close(node),
  };
}

/** The mounted tree, and the numbers that the other side knows its nodes by. */
class Served {
  #tree: FileTree | undefined;
  #last = 0;
  readonly #nodes = new Map<number, TreeNode>();
  readonly #listings = new Map<number, AsyncIterator<DirectoryEntry>>();

  async open(opening: Opening): Promise<undefined> {
    mountImage(opening);
    this.#tree = await openDirectory(mountPoint, new Budget(opening.name, opening.limits), {
      name: opening.name,
    });
    return undefined;
  }

  get tree(): FileTree {
    return known(this.#tree);
  }

  handle(node: TreeNode): NodeHandle {
    this.#nodes.set(++this.#last, node);
    return { node: this.#last, stat: node.stat };
  }

  node(number: number): TreeNode {
    return known(this.#nodes.get(number));
  }

  async close(number: number): Promise<undefined> {
    await this.#nodes.get(number)?.close();
    this.#nodes.delete(number);
    return undefined;
  }

  list(node: TreeNode): number {
    this.#listings.set(++this.#last, node.entries()[Symbol.asyncIterator]());
    return this.#last;
  }

  async next(listing: number): Promise<readonly DirectoryEntry[]> {
    const iterator = known(this.#listings.get(listing));
    const entries: DirectoryEntry[] = [];
    while (entries.length < longestList) {
      const result = await iterator.next();
      if (result.done === true) break;
      entries.push(result.value);
    }
    return entries;
  }

  async endList(listing: number): Promise<undefined> {
    await this.#listings.get(listing)?.return?.();
    this.#listings.delete(listing);
    return undefined;
  }
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the kernel reader was asked for something that it does not have');
  return value;
}

serve();
