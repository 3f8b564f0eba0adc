/** How much room text takes on a terminal, in character cells. */
import { eastAsianWidth } from 'get-east-asian-width';

const ellipsis = '…';
const printableAscii = /^[ -~]*$/;

/** The cells a text takes. Without escape sequences and control characters, which have no width of their own. */
export function displayWidth(text: string): number {
  if (printableAscii.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The text in at most `width` cells, its end replaced by "…" where it is longer. */
export function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let room = width - 1;
  for (const character of text) {
    room -= characterWidth(character);
    if (room < 0) break;
    kept += character;
  }
  return kept + ellipsis;
}

/** The text with blanks behind it (or before it) up to `width` cells. */
export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const blanks = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + blanks : blanks + text;
}

function characterWidth(character: string): number {
  // marks and format characters are drawn over what is before them; only here, as making it takes a millisecond
  return /^[\p{Mn}\p{Me}\p{Cf}]$/u.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}
