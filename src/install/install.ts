/** Installs portabled into a tree. Doing it again changes nothing; a newer version replaces an older one. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copy, remove } from 'fs-extra/esm';
import { execa } from 'execa';

import { messageOf } from '../base/errors.ts';
import { writeCodeCaches } from './code-cache.ts';
import { emptyManifest, fingerprintOfFile, readManifest, type Manifest } from './manifest.ts';
import { programs, trainedPrograms } from './names.ts';
import { installPlan, libraryDirectory, manifestFile, type InstallSettings } from './plan.ts';
import { targetsOf, type Target } from './targets.ts';
import { Tree } from './tree.ts';

export interface InstallOptions extends InstallSettings {
  /** "/" or a directory that stands for it. */
  readonly root: string;
  /** Told what was done, in sentences. */
  readonly say: (text: string) => void;
  /** Called when the new files are in place and the old version's are still there: time to replace what runs. */
  readonly replaceRunning: () => Promise<void>;
  /** Gives up, as long as nothing has been put in place. */
  readonly signal?: AbortSignal;
}

/** @throws Error that names what is in the way; nothing has been changed then */
export async function install(options: InstallOptions): Promise<void> {
  const { signal = new AbortController().signal } = options;
  await checkNode(options);
  const staging = await mkdtemp(join(tmpdir(), 'portabled-bundle-'));
  try {
    await stageBundle(staging, options, signal);
    const items = installPlan({ ...options, bundle: staging });
    const targets = await targetsOf(items, options);
    signal.throwIfAborted();
    await putInPlace(targets, options);
  } finally {
    await remove(staging);
  }
}

async function putInPlace(targets: readonly Target[], options: InstallOptions): Promise<void> {
  const tree = new Tree(options.root);
  const listPath = manifestFile(options.prefix);
  const before = (await readManifest(tree.onDisk(listPath))) ?? emptyManifest;
  const wanted = await withoutForeign(targets, before, tree, options);
  // the list comes first: whatever happens then, an uninstall finds everything
  const files = Object.fromEntries(wanted.map(({ path, fingerprint }) => [path, fingerprint]));
  const list = (which: Manifest['files']): Promise<void> => {
    const directories = [...before.directories, ...tree.made];
    return tree.put(manifestTarget(listPath, { version: 1, files: which, directories }));
  };
  await tree.makeDirectory(libraryDirectory(options.prefix));
  await list({ ...before.files, ...files });
  let changed = 0;
  for (const target of wanted) {
    if ((await tree.fingerprint(target.path)) === target.fingerprint) continue;
    await tree.put(target);
    changed++;
  }
  await list({ ...before.files, ...files });
  await options.replaceRunning();
  const stale = Object.keys(before.files).filter((path) => !Object.hasOwn(files, path));
  for (const path of stale) await tree.remove(path);
  await list(files);
  options.say(`${changed} of ${wanted.length} files written, ${stale.length} removed`);
}

/** Drops the targets that somebody else's file does as well. @throws Error naming those that it does not */
async function withoutForeign(
  targets: readonly Target[],
  before: Manifest,
  tree: Tree,
  { say }: InstallOptions,
): Promise<readonly Target[]> {
  const wanted: Target[] = [];
  const inTheWay: string[] = [];
  for (const target of targets) {
    const found = await tree.fingerprint(target.path);
    const ours =
      found === undefined || found === target.fingerprint || Object.hasOwn(before.files, target.path);
    if (ours) wanted.push(target);
    else if (target.foreign === 'keep')
      say(`${target.path} is somebody else's and does what ours would: kept`);
    else inTheWay.push(target.path);
  }
  if (inTheWay.length === 0) return wanted;
  throw new Error(`not installed: these files are there and not ours: ${inTheWay.join(', ')}`);
}

/** The bundle with the code caches for the Node that will run it, or without, if that Node cannot run here. */
async function stageBundle(
  staging: string,
  { node, bundle, say }: InstallOptions,
  signal: AbortSignal,
): Promise<void> {
  await copy(bundle, staging);
  try {
    await writeCodeCaches(node, staging, signal);
  } catch (error) {
    signal.throwIfAborted();
    say(`installed without code caches, which makes every start slower by some 20 ms: ${messageOf(error)}`);
  }
  for (const { train } of trainedPrograms) await remove(join(staging, train));
  for (const { loader } of programs) await makeProgram(join(staging, loader), node);
}

/** Lets the kernel run a script with Node. A shell in between takes a fifteenth of Node's own start. */
async function makeProgram(file: string, node: string): Promise<void> {
  await writeFile(file, `#!${node}\n${await readFile(file, 'utf8')}`);
}

/** What can be said of the Node that is to run the daemon, as far as it is on this machine. */
async function checkNode({ node, say }: InstallOptions): Promise<void> {
  // it goes into unit files and the first lines of scripts: names that would need quoting there are not worth the trouble
  if (!/^\/[\w./+:@-]+$/.test(node))
    throw new Error(`--node needs an absolute path without spaces, not '${node}'`);
  const result = await execa(node, ['--version'], { reject: false });
  if (result.failed) {
    say(`${node} does not run here; the installed system needs Node 20.17 or newer there`);
    return;
  }
  const [major = 0, minor = 0] = result.stdout.replace(/^v/, '').split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 17)) {
    throw new Error(`${node} is ${result.stdout}; portabled needs Node 20.17 or newer`);
  }
}

function manifestTarget(path: string, manifest: Manifest): Target {
  const content = Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
  return {
    path,
    foreign: 'refuse',
    fingerprint: fingerprintOfFile(content),
    is: { kind: 'file', content, mode: 0o644 },
  };
}
