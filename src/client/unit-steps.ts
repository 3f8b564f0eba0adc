/**
 * What --enable, --now and --clean do with units once they are attached, or before they go. That an image is attached
 * does not depend on it: failures are told, and the rest goes on, as in systemd's client.
 */
import { basename, dirname } from 'node:path';

import { escapeControl, messageOf } from '../base/errors.ts';
import { isTemplate } from '../host/unit-name.ts';
import { portableUnitType } from '../portable/unit-name.ts';
import type { Change } from '../portable/requests.ts';
import type { Job, JobKind, LinkChange } from './services.ts';
import { say } from './target.ts';
import type { Context } from './verb.ts';

/** The unit files among changes: what was put in place, or what went. */
export function unitFiles(changes: readonly Change[], put: 'put' | 'removed'): readonly string[] {
  const types: readonly Change['type'][] = put === 'put' ? ['copy', 'symlink'] : ['unlink'];
  const paths = changes
    .filter(({ type, path }) => types.includes(type) && isAttachedUnit(path))
    .map(({ path }) => path);
  return [...new Set(paths)];
}

/** Makes the service manager see the files, unless --no-reload, or nothing runs. @returns whether it has */
export async function reload(context: Context): Promise<boolean> {
  const { reload: wanted, root, dryRun } = context.settings;
  if (!wanted || root !== undefined || dryRun) return false;
  return (await attempt(context, 'reload the service manager', () => reloaded(context))) ?? false;
}

/** @param paths of unit files. @returns the links made */
export async function enable(context: Context, paths: readonly string[]): Promise<readonly LinkChange[]> {
  const { runtime } = context.settings;
  return linksOf(paths, (path) => {
    return attempt(context, `enable ${basename(path)}`, () => context.services.units.enable([path], runtime));
  });
}

/** @param names of units. @returns the links that went */
export async function disable(context: Context, names: readonly string[]): Promise<readonly LinkChange[]> {
  const { runtime } = context.settings;
  return linksOf(names, (name) => {
    return attempt(context, `disable ${name}`, () => context.services.units.disable([name], runtime));
  });
}

/**
 * Starts, stops or restarts units, all at once, and waits for it unless --no-block. A template has nothing to start;
 * what stops and restarts are its instances.
 */
export async function runJobs(
  context: Context,
  kind: JobKind,
  names: readonly string[],
): Promise<readonly Job[]> {
  const { units } = context.services;
  const instances = await Promise.all(
    names.filter(isTemplate).map(async (name) => {
      if (kind === 'start') return [];
      return (await attempt(context, `find the instances of ${name}`, () => units.instances(name))) ?? [];
    }),
  );
  const wanted = [...names.filter((name) => !isTemplate(name)), ...instances.flat()];
  const jobs = await Promise.all(
    wanted.map((name) =>
      attempt(context, `${kind} ${name}`, () => units.run(kind, name, context.settings.block)),
    ),
  );
  const done = jobs.filter((job) => job !== undefined);
  for (const job of done) sayJob(context, job);
  return done;
}

/** Removes what stopped units have kept, for --clean. @returns the units that may have kept something */
export async function clean(context: Context, names: readonly string[]): Promise<readonly string[]> {
  const cleaned: string[] = [];
  for (const name of names) {
    if (isTemplate(name)) continue;
    const kept = await attempt(context, `clean ${name}`, () => context.services.units.clean(name));
    if (kept === true) cleaned.push(name);
  }
  return cleaned;
}

/** Those of the units that run. */
export async function running(context: Context, names: readonly string[]): Promise<readonly string[]> {
  return (await attempt(context, 'see what runs', () => context.services.units.running(names))) ?? [];
}

/**
 * Starts units that ran before they were stopped for what has failed then.
 * @returns those that do not run again
 */
export async function startAgain(context: Context, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return [];
  // their files may have been made anew
  await reload(context);
  // a socket does not start when its service runs already
  const services = names.filter((name) => name.endsWith('.service'));
  const others = names.filter((name) => !name.endsWith('.service'));
  const jobs = [...(await runJobs(context, 'start', others)), ...(await runJobs(context, 'start', services))];
  const started = new Set(
    jobs.filter(({ result }) => result === undefined || result === 'done').map(({ unit }) => unit),
  );
  return names.filter((name) => !started.has(name));
}

async function reloaded({ services }: Context): Promise<boolean> {
  await services.units.reload();
  return true;
}

async function linksOf(
  units: readonly string[],
  change: (unit: string) => Promise<readonly LinkChange[] | undefined>,
): Promise<readonly LinkChange[]> {
  const all: LinkChange[] = [];
  for (const unit of units) all.push(...((await change(unit)) ?? []));
  return all;
}

/** Tells of links that enable units. @returns them */
export function sayLinks(
  context: Context,
  ...links: readonly (readonly LinkChange[])[]
): readonly LinkChange[] {
  const all = links.flat();
  for (const { type, path, source } of all) {
    const text = type === 'symlink' ? `Created symlink '${path}' → '${source}'.` : `Removed '${path}'.`;
    say(context, escapeControl(text));
  }
  return all;
}

const doneWords: Readonly<Record<JobKind, string>> = {
  start: 'Started',
  stop: 'Stopped',
  restart: 'Restarted',
};

function sayJob(context: Context, { unit, kind, result }: Job): void {
  if (context.settings.dryRun) say(context, `Would ${kind} ${unit}.`);
  else if (result === undefined) say(context, `Asked to ${kind} ${unit}.`);
  else if (result === 'done') say(context, `${doneWords[kind]} ${unit}.`);
  else {
    warn(context, `The job to ${kind} ${unit} ended with "${result}".`);
    warn(context, `Hint: systemctl status ${unit} and journalctl -xeu ${unit} tell why.`);
  }
}

/** Does what may fail. @returns undefined when it has, which was told */
async function attempt<T>(context: Context, doing: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    warn(context, `Cannot ${doing}: ${messageOf(error)}`);
    return undefined;
  }
}

function warn({ terminal: { stderr } }: Context, text: string): void {
  stderr.write(`${stderr.styles.yellow(escapeControl(text))}\n`);
}

function isAttachedUnit(path: string): boolean {
  return /\/(system|user)\.attached$/.test(dirname(path)) && portableUnitType(basename(path)) !== undefined;
}
