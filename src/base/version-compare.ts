/**
 * The order of version strings: UAPI.10 Version Format Specification,
 * https://uapi-group.org/specifications/specs/version_format_specification/
 */

/**
 * Compares two version strings: negative when `a` is older, positive when it is newer, 0 when the order does not
 * tell them apart ("1_" and "1"). Any strings will do.
 */
export function compareVersions(a: string, b: string): number {
  const left = new Reader(a);
  const right = new Reader(b);
  // The steps of one round are in the order of the specification: each may skip what the next one sees
  for (;;) {
    left.skipIgnored();
    right.skipIgnored();
    if (left.atEnd && right.atEnd) return 0;
    const order =
      compareMark(left, right, '~') ||
      compareEnds(left, right) ||
      compareMark(left, right, '-') ||
      compareMark(left, right, '^') ||
      compareMark(left, right, '.') ||
      compareParts(left, right);
    if (order !== 0) return order;
  }
}

/** A position in a version string. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get remaining(): number {
    return this.#text.length - this.#at;
  }

  get atEnd(): boolean {
    return this.remaining === 0;
  }

  /** Takes what matches a sticky pattern; perhaps nothing. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += taken.length;
    return taken;
  }

  skipIgnored(): void {
    this.take(/[^A-Za-z0-9~^.-]*/y);
  }

  startsWith(mark: string): boolean {
    return this.#text.startsWith(mark, this.#at);
  }

  get startsWithDigit(): boolean {
    return /[0-9]/.test(this.#text.charAt(this.#at));
  }

  skip(): void {
    this.#at++;
  }
}

/**
 * Whoever starts with the mark alone is lower; when both do, both marks are skipped. (A '^' is higher than no
 * suffix at all, since compareEnds comes first.)
 */
function compareMark(left: Reader, right: Reader, mark: string): number {
  const inLeft = left.startsWith(mark);
  const inRight = right.startsWith(mark);
  if (inLeft !== inRight) return inLeft ? -1 : 1;
  if (inLeft) {
    left.skip();
    right.skip();
  }
  return 0;
}

/** When one of them has ended, the other is higher. */
function compareEnds(left: Reader, right: Reader): number {
  return left.atEnd || right.atEnd ? left.remaining - right.remaining : 0;
}

/** The numbers, or the letters, that come next. */
function compareParts(left: Reader, right: Reader): number {
  if (left.startsWithDigit || right.startsWithDigit) {
    return compareNumbers(left.take(/[0-9]*/y), right.take(/[0-9]*/y));
  }
  return compareText(left.take(/[A-Za-z]*/y), right.take(/[A-Za-z]*/y));
}

/**
 * Decimal numbers of any length. None at all is lower than 0: the specification calls them equal, systemd 262
 * (`systemd-analyze compare-versions`) does not.
 */
function compareNumbers(left: string, right: string): number {
  if (left === '' || right === '') return left.length - right.length;
  const [a, b] = [left, right].map((digits) => digits.replace(/^0+/, '')) as [string, string];
  return a.length === b.length ? compareText(a, b) : a.length - b.length;
}

/** ASCII order; a beginning of the other text comes first. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}
