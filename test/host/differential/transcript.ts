/** What a daemon answered and left behind, as lines to compare. */
import { format } from './format.ts';
import type { BusReply } from '../bus.ts';
import type { CallStep, Line } from './case.ts';

/** Turns values that differ from host to host into words. */
export type Naming = (value: bigint) => string | undefined;

/** A reply as lines; `n` is the number of the call in its case. */
export function replyLines(n: number, call: CallStep, reply: BusReply, naming: Naming): readonly Line[] {
  const say = (text: string, series?: string): Line => ({
    call: n,
    kind: 'answer',
    text: `${call.member}: ${text}`,
    ...(series === undefined ? {} : { series }),
  });
  if (!reply.ok) return [{ call: n, kind: 'error', text: `${call.member}: error ${reply.error}` }];
  const show = (value: unknown): string => format(value, naming);
  const [first, second] = reply.body;
  switch (reply.signature) {
    case 'a(sss)':
      return changeLines(first as readonly Change[], say, '');
    case 'a(sss)a(sss)':
      return [
        ...changeLines(first as readonly Change[], say, 'removed '),
        ...changeLines(second as readonly Change[], say, 'updated '),
      ];
    case 'a(ssbtttso)':
      return (first as readonly unknown[]).map((row) => say(show(row)));
    case 'a{sv}':
      return Object.entries(first as object).map(([key, value]) =>
        say(`${key} = ${show(value)}`, 'properties'),
      );
    case 'saya{say}':
    case 'saya{say}a{say}':
      return metadataLines(reply.body, say, show);
    default:
      if (call.member === 'Introspect') return xmlLines(String(first), say);
      return [say(`${reply.signature} ${reply.body.map(show).join(' ')}`)];
  }
}

type Say = (text: string, series?: string) => Line;
type Change = readonly [string, string, string];

/** Rows of one unit stay in order among each other, and so do rows of no unit; those say whether units came before. */
function changeLines(changes: readonly Change[], say: Say, list: string): readonly Line[] {
  if (changes.length === 0) return [say(`${list}nothing`)];
  let units = 0;
  return changes.map(([type, path, source]) => {
    const unit = /\/(?:system|user)\.attached\/([^/]+?)(?:\.d(?:\/.*)?)?$/.exec(path)?.[1];
    if (unit !== undefined) units++;
    const place = unit !== undefined ? '' : units > 0 ? ' (after the units)' : ' (before the units)';
    const row = `${list}${type} ${path}${source === '' ? '' : ` <- ${source}`}${place}`;
    return say(row, unit !== undefined ? `${list}${unit}` : type === 'unlink' ? undefined : `${list}others`);
  });
}

/** Image, os-release, extensions, units; units and extensions in the order they come in. */
function metadataLines(
  body: readonly unknown[],
  say: Say,
  show: (value: unknown) => string,
): readonly Line[] {
  const [image, release, ...dictionaries] = body;
  const units = dictionaries.pop();
  const entries = (what: string, dictionary: unknown): readonly Line[] =>
    Object.entries(dictionary ?? {}).map(([key, value]) =>
      say(`${what} ${JSON.stringify(key)} ${show(value)}`, what),
    );
  return [
    say(`image ${show(image)}`),
    say(`os-release ${show(release)}`),
    ...dictionaries.flatMap((dictionary) => entries('extension', dictionary)),
    ...entries('unit', units),
  ];
}

/** Child nodes may come in any order. */
function xmlLines(xml: string, say: Say): readonly Line[] {
  return xml
    .split('\n')
    .map((line) => say(JSON.stringify(line), line.startsWith(' <node') ? undefined : 'xml'));
}
