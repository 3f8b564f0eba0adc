/** Guesses what a mistyped word was meant to be. */

/** Mistakes that still count as "almost": one per four letters, at least one. */
const lettersPerMistake = 4;

/** The candidate closest to `word`, letter case aside, or the only one that begins so; undefined when none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const scored = candidates
    .filter((candidate) => Math.abs(candidate.length - word.length) <= allowed(candidate))
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= allowed(candidate))
    .sort((a, b) => a.distance - b.distance);
  return scored[0]?.candidate ?? onlyBeginning(word, candidates);
}

/** A few letters are not enough to tell. */
const leastBeginning = 3;

function onlyBeginning(word: string, candidates: readonly string[]): string | undefined {
  const begun = candidates.filter((candidate) => candidate.toLowerCase().startsWith(word.toLowerCase()));
  return word.length >= leastBeginning && begun.length === 1 ? begun[0] : undefined;
}

function allowed(word: string): number {
  return Math.max(1, Math.floor(word.length / lettersPerMistake));
}

/** Insertions, deletions, replacements, and swaps of neighbours that turn one word into the other. */
function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replace = at(row, j) + (from[i] === to[j] ? 0 : 1);
      const swapped = i > 0 && j > 0 && from[i] === to[j - 1] && from[i - 1] === to[j];
      const swap = swapped ? at(before, j - 1) + 1 : Infinity;
      next.push(Math.min(replace, swap, at(row, j + 1) + 1, at(next, j) + 1));
    }
    [before, row] = [row, next];
  }
  return at(row, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
