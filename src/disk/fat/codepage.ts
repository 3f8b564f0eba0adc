/** Code page 437, in which short names are: the kernel's default (mount(8), "codepage"). As on www.unicode.org, CP437.TXT. */

/** The characters of the bytes from 0x80 on; those before are ASCII. */
const upperHalf =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐' +
  '└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** Bytes of a short name as text. */
export function fromCodepage(bytes: Buffer): string {
  return Array.from(bytes, (byte) =>
    byte < 0x80 ? String.fromCharCode(byte) : upperHalf.charAt(byte - 0x80),
  ).join('');
}

/** In lower case, as far as the code page has the letter: others stay as they are. */
export function lowerInCodepage(text: string): string {
  return Array.from(text, (char) => {
    const lower = char.toLowerCase();
    return lower < '\u0080' || upperHalf.includes(lower) ? lower : char;
  }).join('');
}
