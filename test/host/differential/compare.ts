/** Where two transcripts differ, and whether that is meant. */
import type { Line } from './case.ts';
import type { Addition, Difference } from './differences.ts';

/**
 * What only one of two transcripts has: "- …" the first one, "+ …" the second, "! …" for lines that both have and that
 * are in another order. Where only one of them has an error, the other's answer is not spelled out.
 */
export function differences(first: readonly Line[], second: readonly Line[]): string[] {
  const calls = Math.max(0, ...[...first, ...second].map(({ call }) => call));
  return Array.from({ length: calls }, (_, i) => {
    const [a, b] = [first, second].map((lines) => lines.filter(({ call }) => call === i + 1));
    return differencesOfCall(a ?? [], b ?? []).map((text) => text.replace(' ', ` ${i + 1} `));
  }).flat();
}

function differencesOfCall(first: readonly Line[], second: readonly Line[]): string[] {
  const failed = (lines: readonly Line[]): boolean => lines.some(({ kind }) => kind === 'error');
  const [a, b] = failed(first) === failed(second) ? [first, second] : [inShort(first), inShort(second)];
  const missing = without(a, b).map(({ text }) => `- ${text}`);
  const extra = without(b, a).map(({ text }) => `+ ${text}`);
  return [...missing, ...extra, ...misplaced(a, b)];
}

/** The error as it is; of anything else just that it is. */
function inShort(lines: readonly Line[]): readonly Line[] {
  const [head] = lines;
  if (head === undefined || head.kind === 'error') return lines;
  return [{ call: head.call, kind: 'answer', text: head.text.replace(/:.*/s, ': answers') }];
}

/** What is left of `lines` when each of `others` takes one equal line away. */
function without(lines: readonly Line[], others: readonly Line[]): readonly Line[] {
  const counts = new Map<string, number>();
  for (const { text } of others) counts.set(text, (counts.get(text) ?? 0) + 1);
  return lines.filter(({ text }) => {
    const count = counts.get(text) ?? 0;
    counts.set(text, count - 1);
    return count <= 0;
  });
}

function misplaced(first: readonly Line[], second: readonly Line[]): string[] {
  const series = new Set(first.flatMap((line) => line.series ?? []));
  return [...series].flatMap((name) => {
    const inSeries = (line: Line): boolean => line.series === name;
    const a = common(first.filter(inSeries), second);
    const b = common(second.filter(inSeries), first);
    const at = a.findIndex((text, i) => text !== b[i]);
    return at < 0 ? [] : [`! order of ${name} differs from ${a[at] ?? ''}`];
  });
}

function common(lines: readonly Line[], others: readonly Line[]): readonly string[] {
  const texts = new Set(others.map(({ text }) => text));
  return lines.map(({ text }) => text).filter((text) => texts.has(text));
}

/** Explanations at work: which of them apply, and which have explained something so far. */
export class Explanations {
  readonly #known: readonly Difference[];
  readonly #additions: readonly Addition[];
  readonly #seen = new Set<RegExp>();

  /** @param version of systemd */
  constructor(known: readonly Difference[], additions: readonly Addition[], version: number) {
    const applies = ({ before, from }: { readonly before?: number; readonly from?: number }): boolean =>
      version < (before ?? Infinity) && version >= (from ?? 0);
    this.#known = known.filter(applies);
    this.#additions = additions.filter(applies);
  }

  /** Our lines without what we write on purpose. */
  withoutAdditions(lines: readonly Line[]): readonly Line[] {
    return lines.map((line) => {
      let { text } = line;
      for (const addition of this.#additions) {
        const rest = text.replaceAll(addition.text, '');
        if (rest !== text) this.#seen.add(addition.text);
        text = rest;
      }
      return { ...line, text };
    });
  }

  /** The differences of a case that nothing explains. */
  unexplained(name: string, found: readonly string[]): readonly string[] {
    const patterns = this.#known
      .filter(({ cases }) => cases?.test(name) ?? true)
      .flatMap(({ lines }) => lines);
    return found.filter((line) => {
      const text = line.replace(/^([-+!]) \d+ /, '$1 ');
      const fitting = patterns.filter((pattern) => pattern.test(text));
      for (const pattern of fitting) this.#seen.add(pattern);
      return fitting.length === 0;
    });
  }

  /** What was to be expected and did not happen. */
  get unseen(): readonly string[] {
    const expected = [
      ...this.#known.flatMap(({ row, lines, sometimes }) =>
        sometimes === true ? [] : lines.map((pattern) => ({ row, pattern })),
      ),
      ...this.#additions.map(({ row, text }) => ({ row, pattern: text })),
    ];
    return expected
      .filter(({ pattern }) => !this.#seen.has(pattern))
      .map(({ row, pattern }) => `"${row}": ${String(pattern)}`);
  }
}
