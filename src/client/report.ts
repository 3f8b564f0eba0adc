/** What was changed, in systemd's words on standard error, or as JSON on standard output. */
import type { Change } from '../portable/requests.ts';
import { escapeControl } from '../base/errors.ts';
import { formatJson, type Json } from '../terminal/json.ts';
import type { Job, LinkChange } from './services.ts';
import { say } from './target.ts';
import type { Context } from './verb.ts';

/** What became of one image. */
export interface Outcome {
  readonly image: string;
  readonly removed: readonly Change[];
  readonly changes: readonly Change[];
}

/** Everything a verb did. */
export interface Report {
  readonly outcomes: readonly Outcome[];
  readonly links: readonly LinkChange[];
  readonly jobs: readonly Job[];
  readonly reloaded: boolean;
}

/** Tells of the changes to images. */
export function sayOutcomes(context: Context, outcomes: readonly Outcome[]): void {
  for (const { removed, changes } of outcomes)
    for (const change of [...removed, ...changes]) say(context, describeChange(change));
}

/** Prints the report where JSON is wanted. */
export function printReport({ settings, terminal }: Context, report: Report): void {
  const { json, dryRun } = settings;
  if (json !== 'off') terminal.stdout.write(formatJson({ ...toJson(report), dryRun }, json));
}

/** "Created symlink A → B." */
export function describeChange({ type, path, source }: Change): string {
  const [at, from] = [escapeControl(path), escapeControl(source)];
  switch (type) {
    case 'mkdir':
      return `Created directory ${at}.`;
    case 'write':
      return from === '' ? `Written ${at}.` : `Written ${at} (from ${from}).`;
    case 'copy':
      return from === '' ? `Copied ${at}.` : `Copied ${from} → ${at}.`;
    case 'symlink':
      return `Created symlink ${at} → ${from}.`;
    case 'unlink':
      return `Removed ${at}.`;
  }
}

function toJson({ outcomes, links, jobs, reloaded }: Report): Readonly<Record<string, Json>> {
  return {
    images: outcomes.map(({ image, removed, changes }) => {
      return { image, removed: removed.map(plain), changes: changes.map(plain) };
    }),
    links: links.map(plain),
    jobs: jobs.map(({ unit, kind, result }) => ({ unit, job: kind, result: result ?? null })),
    reloaded,
  };
}

function plain({ type, path, source }: Change | LinkChange): Json {
  return { type, path, source: source === '' ? null : source };
}
