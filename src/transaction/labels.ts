/**
 * SELinux labels of what a transaction puts in place, as the host's policy has them for the paths (selinux(8),
 * matchpathcon(8), chcon(1)). Set while files are staged: nothing is ever visible with the label of a temporary name.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { errnoOf, fileError, messageOf, PortableError, quoted } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { runTool } from '../base/tool.ts';
import type { Move } from './entries.ts';

/** Something to label. */
export interface Labelled {
  /** What it is, or will be, called. */
  readonly path: string;
  /** Where it is now. */
  readonly onDisk: string;
  readonly type: 'file' | 'dir' | 'lnk_file';
}

export interface LabelOptions {
  /** Where selinuxfs is mounted, if it is. */
  readonly selinuxfs?: string;
  /** Directories to find the tools in, as in PATH; that of our own process by default. */
  readonly searchPath?: string;
}

/** What is staged by a move, with the label of where it goes. The contents of copied images keep their own. */
export function stagedLabel({ entry, staged }: Move): readonly Labelled[] {
  if (entry.op !== 'put' && entry.op !== 'swap') return [];
  const types = { file: 'file', link: 'lnk_file', tree: 'dir' } as const;
  return [{ path: entry.path, onDisk: staged, type: types[entry.form] }];
}

/** A directory that a move has made. */
export function directoryLabel({ entry, target }: Move): Labelled {
  return { path: entry.path, onDisk: target, type: 'dir' };
}

/** What matchpathcon says of paths that are to have no label of their own. */
const none = '<<none>>';

export class Labels {
  readonly #enforce: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #log: Log;

  constructor(log: Log, { selinuxfs = '/sys/fs/selinux', searchPath }: LabelOptions = {}) {
    this.#enforce = join(selinuxfs, 'enforce');
    this.#env = searchPath === undefined ? {} : { PATH: searchPath };
    this.#log = log;
  }

  /**
   * Labels files, directories (not what is in them) and links. Without SELinux this is one system call.
   * @throws PortableError where the policy is enforced: units without their label would not be read
   */
  async set(items: readonly Labelled[], signal?: AbortSignal): Promise<void> {
    const mode = items.length === 0 ? undefined : this.#mode();
    if (mode === undefined) return;
    try {
      for (const [context, onDisk] of await this.#contexts(items, signal)) {
        const first = items.find((item) => item.onDisk === onDisk[0])?.path ?? '';
        await this.#run('chcon', ['-h', '--', context, ...onDisk], `label`, first, signal);
      }
    } catch (error) {
      if (mode === 'enforcing' || !(error instanceof PortableError)) throw error;
      this.#log.warning(`SELinux is permissive, going on: ${messageOf(error)}`);
    }
  }

  /** @returns undefined without SELinux */
  #mode(): 'enforcing' | 'permissive' | undefined {
    try {
      return readFileSync(this.#enforce, 'latin1').startsWith('1') ? 'enforcing' : 'permissive';
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      throw fileError(error, 'read', this.#enforce);
    }
  }

  /** The labels by policy → what is to have them. */
  async #contexts(
    items: readonly Labelled[],
    signal: AbortSignal | undefined,
  ): Promise<ReadonlyMap<string, readonly string[]>> {
    const contexts = new Map<string, string[]>();
    for (const type of ['file', 'dir', 'lnk_file'] as const) {
      const ofType = items.filter((item) => item.type === type);
      const [first] = ofType;
      if (first === undefined) continue;
      const paths = ofType.map(({ path }) => path);
      const told = await this.#run(
        'matchpathcon',
        ['-n', '-m', type, ...paths],
        'find the label of',
        first.path,
        signal,
      );
      const lines = told.split('\n');
      for (const [i, { onDisk }] of ofType.entries()) {
        const context = lines[i]?.trim() ?? '';
        if (context === '' || context === none) continue;
        const same = contexts.get(context);
        if (same === undefined) contexts.set(context, [onDisk]);
        else same.push(onDisk);
      }
    }
    return contexts;
  }

  #run(
    program: string,
    args: readonly string[],
    verb: string,
    file: string,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const doing = `${verb} ${quoted(file)}`;
    const packaged = program === 'matchpathcon' ? 'selinux-utils' : undefined;
    return runTool(program, args, { doing, file, signal, package: packaged, env: this.#env });
  }
}
