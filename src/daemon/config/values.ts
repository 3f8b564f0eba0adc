/** Values as configuration files spell them: sizes and counts, time spans (systemd.time(7)), log levels. */
import { isLogTarget, logTargets, type LogTarget } from '../log/targets.ts';
import { parseLogLevel, logLevels, type LogLevel } from '../log/levels.ts';

/** A value that cannot be used; the message says what would be, as it fits after "is". */
export class BadValue extends Error {
  override readonly name = 'BadValue';
}

const sizeSuffixes: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};

/**
 * A number of bytes: digits with an optional K, M, G or T (powers of 1024).
 * @throws BadValue when it is none, or outside `min`…`max`
 */
export function parseSize(text: string, min: number, max: number): number {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([BKMGT]?)$/i.exec(text);
  const factor = sizeSuffixes[match?.[2]?.toUpperCase() ?? ''];
  if (match?.[1] === undefined || factor === undefined) {
    throw new BadValue('not a size in bytes, such as 65536, 64K or 1M');
  }
  return within(Math.floor(Number(match[1]) * factor), min, max, formatSize);
}

/**
 * A plain count.
 * @throws BadValue when it is none, or outside `min`…`max`
 */
export function parseCount(text: string, min: number, max: number): number {
  if (!/^\d{1,15}$/.test(text)) throw new BadValue('not a whole number');
  return within(Number(text), min, max, String);
}

/** Milliseconds per unit, the names systemd.time(7) lists (months and years are of no use here). */
const spanUnits: ReadonlyMap<string, number> = new Map([
  ['us', 0.001],
  ['usec', 0.001],
  ['µs', 0.001],
  ['ms', 1],
  ['msec', 1],
  ['', 1000],
  ['s', 1000],
  ['sec', 1000],
  ['second', 1000],
  ['seconds', 1000],
  ['m', 60_000],
  ['min', 60_000],
  ['minute', 60_000],
  ['minutes', 60_000],
  ['h', 3_600_000],
  ['hr', 3_600_000],
  ['hour', 3_600_000],
  ['hours', 3_600_000],
  ['d', 86_400_000],
  ['day', 86_400_000],
  ['days', 86_400_000],
]);

/** What fits a Node timer: longer ones fire at once. */
const longestTimer = 2 ** 31 - 1;

/**
 * A time span: "30", "30s", "1min 30s", "500ms"; a bare number counts seconds.
 * @returns milliseconds
 * @throws BadValue when it is none, or outside `min`…`max` (milliseconds)
 */
export function parseSpan(text: string, min: number, max: number = longestTimer): number {
  const parts = [...text.matchAll(/(\d{1,12}(?:\.\d{1,6})?)\s*([a-zµ]*)\s*/gy)];
  const length = parts.reduce((sum, part) => sum + part[0].length, 0);
  if (parts.length === 0 || length !== text.length) throw notSpan();
  const total = parts.reduce((sum, [, number, unit]) => {
    const factor = spanUnits.get(unit ?? '');
    if (factor === undefined) throw notSpan();
    return sum + Number(number) * factor;
  }, 0);
  return within(total, min, max, (value) => `${value} ms`);
}

/** As parseSpan, with "infinity" for a time that never comes. */
export function parseSpanOrInfinity(text: string, min: number): number {
  return text === 'infinity' ? Infinity : parseSpan(text, min);
}

function notSpan(): BadValue {
  return new BadValue('not a time span, such as 30s, 1min 30s or 500ms');
}

/** @throws BadValue with the levels there are */
export function parseLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined) throw new BadValue(`not a log level (${logLevels.join(', ')})`);
  return level;
}

/** @throws BadValue with the targets there are */
export function parseTarget(text: string): LogTarget {
  if (!isLogTarget(text)) throw new BadValue(`not a log target (${logTargets.join(', ')})`);
  return text;
}

function within(value: number, min: number, max: number, format: (value: number) => string): number {
  if (value < min) throw new BadValue(`too small (at least ${format(min)})`);
  if (value > max) throw new BadValue(`too large (at most ${format(max)})`);
  return value;
}

/** Bytes in the largest unit that divides them, as parseSize reads them. */
export function formatSize(bytes: number): string {
  const found = ['T', 'G', 'M', 'K'].find((suffix) => bytes > 0 && bytes % (sizeSuffixes[suffix] ?? 1) === 0);
  return found === undefined ? String(bytes) : `${bytes / (sizeSuffixes[found] ?? 1)}${found}`;
}
