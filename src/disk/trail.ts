/** The way from a tree's root to a directory in it, every step held open, so that '..' needs no second look-up. */
import type { FileTree, TreeNode } from './tree.ts';

interface Step {
  readonly name: Buffer;
  readonly node: TreeNode;
}

export class Trail {
  readonly #root: TreeNode;
  readonly #steps: Step[] = [];

  private constructor(root: TreeNode) {
    this.#root = root;
  }

  static async start(tree: FileTree): Promise<Trail> {
    return new Trail(await tree.root());
  }

  /** Components from the root to here. */
  get depth(): number {
    return this.#steps.length;
  }

  /** The directory where we are. */
  get here(): TreeNode {
    return this.#steps.at(-1)?.node ?? this.#root;
  }

  /** Goes down to `node`, the entry `name` of the directory where we are. */
  enter(name: Buffer, node: TreeNode): void {
    this.#steps.push({ name, node });
  }

  /** Goes to the parent directory; that of the root is the root. */
  async leave(): Promise<void> {
    await this.#steps.pop()?.node.close();
  }

  /** Goes back to the root. */
  async restart(): Promise<void> {
    while (this.#steps.length > 0) await this.leave();
  }

  /** Absolute path of the directory where we are, or of its entry `name`. */
  path(name?: Buffer): Buffer {
    const names = this.#steps.map((step) => step.name);
    if (name !== undefined) names.push(name);
    if (names.length === 0) return Buffer.from('/');
    return Buffer.concat(names.flatMap((each) => [Buffer.from('/'), each]));
  }

  /** Closes every directory on the way but for `kept`. */
  async close(kept?: TreeNode): Promise<void> {
    for (const node of [this.#root, ...this.#steps.map((step) => step.node)]) {
      if (node !== kept) await node.close();
    }
  }
}
