/** Tar archives made by hand: entries that no tar program would write, and small honest ones. */

export interface Entry {
  readonly path: string | Buffer;
  /** "0" for a file (the default), "1" hard link, "2" symlink, "3" "4" devices, "5" directory, "6" pipe, … */
  readonly type?: string;
  readonly target?: string;
  readonly content?: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Keywords of an extended header before it. */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
}

export function tarArchive(entries: readonly Entry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocks), Buffer.alloc(1024)]);
}

function blocks(entry: Entry): Buffer[] {
  const content = Buffer.from(entry.content ?? '');
  const extended = Object.entries(entry.pax ?? {}).map(([key, value]) => record(key, value));
  const records = Buffer.concat(extended);
  const before =
    extended.length === 0 ? [] : [header({ path: 'pax', type: 'x' }, records.length), padded(records)];
  return [...before, header(entry, content.length), padded(content)];
}

/** A header whose checksum is right. */
export function header(entry: Entry, size: number): Buffer {
  const { type = '0', target = '', mode = type === '5' ? 0o755 : 0o644, uid = 0, gid = 0 } = entry;
  const block = Buffer.alloc(512);
  const path = Buffer.from(entry.path);
  path.copy(block, 0, 0, 100);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  octal(mode, 100, 7);
  octal(uid, 108, 7);
  octal(gid, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.write(type, 156, 'latin1');
  block.write(target, 157, 100);
  block.write('ustar\x0000', 257, 'latin1');
  repairChecksum(block);
  return block;
}

/** Makes the checksum of a header fit its bytes. */
export function repairChecksum(block: Buffer): void {
  block.fill(' ', 148, 156);
  const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
