/** Extended headers: POSIX.1-2024 "pax Extended Header". Values stay bytes: extended attributes are not text. */
import { CorruptTar } from './errors.ts';

/** Keyword → value; an empty value takes a keyword back. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

/** Each value of a keyword that an archive repeats (GNU.sparse 0.0 does), in order. */
export interface PaxHeader {
  readonly records: PaxRecords;
  readonly sparsePairs: readonly number[];
}

/** No header of a real archive has as many. */
const maxRecords = 1000;

const sparseOffset = 'GNU.sparse.offset';
const sparseLength = 'GNU.sparse.numbytes';

/**
 * The records of one header, each "LENGTH KEYWORD=VALUE\n" where the length counts itself.
 * @throws CorruptTar
 */
export function parsePax(bytes: Buffer): PaxHeader {
  const records = new Map<string, Buffer>();
  const sparsePairs: number[] = [];
  for (let at = 0; at < bytes.length;) {
    // up to 10 digits; what follows may be a long value
    const digits = /^(\d{1,10}) /.exec(bytes.toString('latin1', at, at + 11))?.[1];
    const length = Number(digits ?? 0);
    const end = at + length;
    if (digits === undefined || end > bytes.length || bytes[end - 1] !== 0x0a) throw malformed();
    const start = at + digits.length + 1;
    const equals = bytes.indexOf('=', start);
    if (equals < start + 1 || equals >= end - 1) throw malformed();
    const keyword = bytes.toString('utf8', start, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    if (keyword === sparseOffset || keyword === sparseLength) sparsePairs.push(paxNumber(value, keyword));
    else records.set(keyword, value);
    if (records.size > maxRecords)
      throw new CorruptTar(`is an extended header of more than ${maxRecords} records`);
    at = end;
  }
  return { records, sparsePairs };
}

/** @throws CorruptTar when it is no number, or one beyond 2^53 */
export function paxNumber(value: Buffer, keyword: string): number {
  const digits = value.toString('latin1');
  const parsed = /^\d{1,16}$/.test(digits) ? Number(digits) : NaN;
  if (!Number.isSafeInteger(parsed)) throw new CorruptTar(`has a bad ${keyword} in its extended header`);
  return parsed;
}

function malformed(): CorruptTar {
  return new CorruptTar('is an extended header with malformed records');
}
