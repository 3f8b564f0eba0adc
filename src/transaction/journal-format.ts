/**
 * The content of a journal: a line "portabled-transaction 1 SHA256 BYTES", then that many bytes of JSON with that
 * hash. What is read is checked as if an enemy had written it: a journal can only name temporary files of its own
 * transaction and paths below the bases.
 */

import { createHash } from 'node:crypto';

import { PortableError } from '../base/errors.ts';
import { isWithin } from '../base/logical-path.ts';
import type { Entry, FileIdentity } from './entries.ts';
import type { Places } from './places.ts';
import type { Plan } from './steps.ts';

export interface JournalRecord {
  readonly id: string;
  readonly kind: Plan['kind'];
  readonly subject: string;
  readonly entries: readonly Entry[];
}

const magic = 'portabled-transaction 1';
const header = /^portabled-transaction 1 (?<hash>[0-9a-f]{64}) (?<bytes>[0-9]{1,9})$/;

/** A journal's bytes: a line with checksum and length, and JSON. */
export function encodeJournal(record: JournalRecord): Buffer {
  const body = Buffer.from(`${JSON.stringify(record)}\n`);
  return Buffer.concat([Buffer.from(`${magic} ${hashOf(body)} ${body.length}\n`), body]);
}

/**
 * @param id the transaction that the file name says
 * @throws PortableError Failed, saying what is wrong
 */
export function decodeJournal(bytes: Buffer, id: string, places: Places): JournalRecord {
  const { head, body } = split(bytes);
  const groups = header.exec(head)?.groups;
  if (groups === undefined) throw invalid('it does not begin like one');
  if (body.length !== Number(groups['bytes'])) throw invalid('it is cut short, or longer than it says');
  if (hashOf(body) !== groups['hash']) throw invalid('its checksum is wrong');
  return checkRecord(parse(body), id, places);
}

/** Whether `bytes` can be the beginning of a journal that was never completely written. */
export function isTorn(bytes: Buffer): boolean {
  const { head, body } = split(bytes);
  const groups = header.exec(head)?.groups;
  if (groups !== undefined) return body.length < Number(groups['bytes']);
  return !bytes.includes('\n') && (magic.startsWith(head) || head.startsWith(magic));
}

function split(bytes: Buffer): { head: string; body: Buffer } {
  const end = bytes.indexOf('\n');
  if (end < 0) return { head: bytes.toString('latin1'), body: Buffer.alloc(0) };
  return { head: bytes.toString('latin1', 0, end), body: bytes.subarray(end + 1) };
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch (error) {
    throw invalid('it is not JSON', error);
  }
}

function checkRecord(value: unknown, id: string, places: Places): JournalRecord {
  const record = fieldsOf(value, 'the journal');
  if (record['id'] !== id) throw invalid('it belongs to another transaction');
  const entries = record['entries'];
  if (!Array.isArray(entries)) throw invalid('"entries" is not a list');
  return {
    id,
    kind: oneOf(record, 'kind', ['attach', 'detach', 'reattach']),
    subject: text(record, 'subject'),
    entries: entries.map((entry) => checkEntry(fieldsOf(entry, 'an entry'), places)),
  };
}

function checkEntry(fields: Fields, places: Places): Entry {
  const op = oneOf(fields, 'op', ['mkdir', 'put', 'swap', 'take', 'rmdir']);
  const path = text(fields, 'path');
  if (op === 'mkdir') {
    if (!places.isArea(path)) checkInBase(path, places);
    return { op, path, mode: modeOf(fields) };
  }
  checkInBase(path, places);
  const area = text(fields, 'area');
  if (!places.isArea(area) || !isWithin(path, area)) throw invalid('an area is not on the way to its path');
  if (op === 'rmdir') return { op, path, area };
  if (op === 'take') return { op, path, area, before: identity(fields, 'before') };
  const form = oneOf(fields, 'form', ['file', 'link', 'tree']);
  const ours = identity(fields, 'ours');
  if (op === 'put') return { op, path, area, form, ours };
  return { op, path, area, form, ours, before: identity(fields, 'before') };
}

function checkInBase(path: string, places: Places): void {
  try {
    places.baseOf(path);
  } catch (error) {
    throw invalid('it names a path outside of the directories for attachments', error);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(`${what} is not an object`);
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string') return value;
  throw invalid(`"${name}" is not a string`);
}

function oneOf<const T extends string>(fields: Fields, name: string, values: readonly T[]): T {
  const found = values.find((value) => value === fields[name]);
  if (found === undefined) throw invalid(`"${name}" is none of ${values.join(', ')}`);
  return found;
}

function modeOf(fields: Fields): number {
  const { mode } = fields;
  if (typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0o7777) return mode;
  throw invalid('"mode" is not a file mode');
}

function identity(fields: Fields, name: string): FileIdentity {
  const parts = fieldsOf(fields[name], `"${name}"`);
  const number = (part: string) => {
    const value = text(parts, part);
    if (/^-?[0-9]{1,20}$/.test(value)) return value;
    throw invalid(`"${part}" of "${name}" is not a number`);
  };
  return { inode: number('inode'), size: number('size'), modified: number('modified') };
}

function invalid(why: string, cause?: unknown): PortableError {
  return new PortableError('Failed', `not a valid journal: ${why}`, { cause });
}
