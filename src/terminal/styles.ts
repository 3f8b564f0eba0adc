/** Emphasis and colour, for terminals that want them. Codes: console_codes(4), "ECMA-48 Select Graphic Rendition". */

/** How a piece of text may look. */
export type Style = 'bold' | 'underline' | 'red' | 'green' | 'yellow' | 'grey';

/** Wraps text so that it looks so; where there are no colours, returns it as it is. */
export type Styles = Readonly<Record<Style, (text: string) => string>>;

const codes: Readonly<Record<Style, string>> = {
  bold: '1',
  underline: '4',
  red: '1;31',
  green: '32',
  yellow: '33',
  grey: '90',
};

/** For everything that is not a terminal. */
export const plain: Styles = stylesWith((text) => text);

/** For a terminal. */
export const coloured: Styles = stylesWith((text, code) => `\u001b[${code}m${text}\u001b[0m`);

/**
 * Whether to use colours on a stream, by the variables people set: SYSTEMD_COLORS (systemd(1): a boolean or a number of
 * colours; it also forces them), NO_COLOR (https://no-color.org, when not empty), TERM=dumb.
 */
export function wantsColour(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  const chosen = env['SYSTEMD_COLORS']?.toLowerCase();
  if (chosen !== undefined && chosen !== '') return !['0', 'no', 'n', 'false', 'f', 'off'].includes(chosen);
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  return isTerminal && env['TERM'] !== 'dumb';
}

function stylesWith(apply: (text: string, code: string) => string): Styles {
  const style =
    (name: Style) =>
    (text: string): string =>
      text === '' ? text : apply(text, codes[name]);
  return {
    bold: style('bold'),
    underline: style('underline'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    grey: style('grey'),
  };
}
