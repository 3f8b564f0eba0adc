/** ini, fitted to the files of systemd. Loaded when there is a file. */
import { parse } from 'ini';

/** @returns section → key → value; neither level has a prototype */
export function parseIni(text: string): Readonly<Record<string, unknown>> {
  // ini knows no indented section headers; systemd's files may have them
  return parse(text.replace(/^[ \t]+/gm, ''));
}
