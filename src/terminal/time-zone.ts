/**
 * The short name of a time zone ("CET"), which JavaScript does not know for most of them.
 * Format of zone files: tzfile(5), RFC 9636.
 */

const headerSize = 44;
const typeSize = 6;

/**
 * @param file a zone file, as in /usr/share/zoneinfo
 * @param offset of the time in question, seconds east of Greenwich
 * @returns the name for that offset that came into use last, undefined where the file has none
 */
export function zoneName(file: Buffer, offset: number): string | undefined {
  const second = headerAt(file, 0);
  if (second === undefined) return undefined;
  // files of version 2 and later have everything again with 64-bit times, the first part may be empty
  const header = second.version >= 2 ? (headerAt(file, second.end) ?? second) : second;
  return typesOf(file, header).findLast((type) => type.offset === offset)?.name;
}

interface Header {
  readonly version: number;
  readonly typesAt: number;
  readonly typeCount: number;
  readonly namesAt: number;
  readonly nameBytes: number;
  /** Where the part ends. */
  readonly end: number;
}

function headerAt(file: Buffer, at: number): Header | undefined {
  if (file.length < at + headerSize || file.toString('latin1', at, at + 4) !== 'TZif') return undefined;
  const version = Number(file.toString('latin1', at + 4, at + 5)) || 1;
  const count = (index: number): number => file.readUInt32BE(at + 20 + index * 4);
  const [utcMarks, standardMarks, leaps, times, types, nameBytes] = [0, 1, 2, 3, 4, 5].map(count);
  if (!utcMarks && !types) return undefined;
  const timeSize = at === 0 ? 4 : 8;
  const typesAt = at + headerSize + (times ?? 0) * (timeSize + 1);
  const namesAt = typesAt + (types ?? 0) * typeSize;
  const end =
    namesAt + (nameBytes ?? 0) + (leaps ?? 0) * (timeSize + 4) + (standardMarks ?? 0) + (utcMarks ?? 0);
  if (namesAt + (nameBytes ?? 0) > file.length) return undefined;
  return { version, typesAt, typeCount: types ?? 0, namesAt, nameBytes: nameBytes ?? 0, end };
}

function typesOf(file: Buffer, header: Header): readonly { offset: number; name: string }[] {
  const names = file.subarray(header.namesAt, header.namesAt + header.nameBytes);
  return Array.from({ length: header.typeCount }, (_, i) => {
    const at = header.typesAt + i * typeSize;
    const name = names.subarray(file.readUInt8(at + 5));
    const end = name.indexOf(0);
    return {
      offset: file.readInt32BE(at),
      name: name.toString('latin1', 0, end < 0 ? name.length : end),
    };
  });
}
