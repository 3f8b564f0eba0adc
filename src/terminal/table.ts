/** Tables as systemd's tools print them: a header that is underlined on terminals, one blank between columns. */
import { escapeControl } from '../base/errors.ts';
import type { Output } from './terminal.ts';
import { cut, displayWidth, pad } from './width.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

export interface TableOptions {
  /** Leave out the header. */
  readonly legend: boolean;
}

/**
 * The lines of a table, each with its newline. Control characters in cells are escaped. Where the stream has a width
 * and the table is wider, the widest columns give way until it fits, and what is cut off ends in "…".
 * @param rows cells in the order of `columns`
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  output: Pick<Output, 'columns' | 'styles'>,
  { legend }: TableOptions,
): string {
  const cells = rows.map((row) => row.map(escapeControl));
  const titles = columns.map(({ title }) => title);
  const all = legend ? [titles, ...cells] : cells;
  const wanted = columns.map((_, i) => Math.max(0, ...all.map((row) => displayWidth(row[i] ?? ''))));
  const widths = fit(wanted, output.columns);
  const line = (row: readonly string[], style: (text: string) => string): string =>
    columns
      .map(({ align }, i) => {
        const text = cut(row[i] ?? '', widths[i] ?? 0);
        return style(pad(text, widths[i] ?? 0, align));
      })
      .join(style(' '));
  const header = legend ? [line(titles, output.styles.underline)] : [];
  const body = cells.map((row) => line(row, (text) => text));
  return [...header, ...body].map((text) => `${text.trimEnd()}\n`).join('');
}

/** The narrowest a column gets before all of them do. */
const leastWidth = 5;

/** Widths that together, with the blanks between them, fit into the room: what is over goes off the widest ones. */
function fit(wanted: readonly number[], room: number | undefined): readonly number[] {
  if (room === undefined) return wanted;
  const available = room - Math.max(0, wanted.length - 1);
  const total = (limit: number): number => wanted.reduce((sum, width) => sum + Math.min(width, limit), 0);
  let limit = Math.max(0, ...wanted);
  while (limit > leastWidth && total(limit) > available) limit--;
  // what the common limit leaves over goes to the last columns
  const cutOff = wanted.flatMap((width, i) => (width > limit ? [i] : []));
  const rest = Math.min(cutOff.length, Math.max(0, available - total(limit)));
  const luckier = new Set(cutOff.slice(cutOff.length - rest));
  return wanted.map((width, i) => Math.min(width, limit) + (luckier.has(i) ? 1 : 0));
}
