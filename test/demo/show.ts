/** What the demo prints. Colours only on a terminal that wants them. */
import { existsSync, readFileSync, readdirSync, lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';

const colour = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
const styled = (code: string, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);

export const bold = (text: string): string => styled('1', text);
const dim = (text: string): string => styled('2', text);
const green = (text: string): string => styled('32', text);

let steps = 0;

export function title(text: string): void {
  console.log(`${bold(text)}\n`);
}

export function step(text: string): void {
  console.log(`\n${green(`${String(++steps)}.`)} ${bold(text)}`);
}

export function command(text: string): void {
  console.log(dim(`   $ ${text}`));
}

export function lines(all: readonly string[]): void {
  for (const line of all) console.log(`   ${line}`);
}

export function done(text: string): void {
  console.log(`\n${green('✓')} ${text}`);
}

/** A table with columns as wide as they need to be. */
export function table(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  lines(
    rows.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  );
}

/** The files below a directory of the sandbox, small ones with their content. */
export function showTree(root: string, directory: string): void {
  command(`find ${directory} -type f`);
  const top = path.join(root, directory);
  if (!existsSync(top)) {
    lines(['(nothing)']);
    return;
  }
  for (const name of readdirSync(top, { recursive: true, encoding: 'utf8' }).sort()) {
    const at = path.join(top, name);
    const st = lstatSync(at);
    if (st.isSymbolicLink()) lines([`${name} -> ${readlinkSync(at)}`]);
    if (st.isFile()) {
      lines([name]);
      if (name.endsWith('20-portable.conf'))
        lines(
          readFileSync(at, 'utf8')
            .trimEnd()
            .split('\n')
            .map((line) => dim(`  │ ${line}`)),
        );
    }
  }
}
