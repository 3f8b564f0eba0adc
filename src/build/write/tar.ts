/**
 * A staged tree as a tar archive, for the programs that make file systems of one: that way owners, modes and times are
 * exactly ours without root, and nothing is copied to disk first.
 * Format: pax, POSIX.1-2024 "pax Interchange Format"; extended attributes as libarchive and GNU tar write them.
 */
import { PortableError, quoted } from '../../base/errors.ts';
import { piecesOf } from '../content.ts';
import { root } from '../tree.ts';
import type { FoundNode, Owner, StagedFile, StagedNode, StagingTree } from '../tree.ts';

const blockBytes = 512;

/** What the header's fixed fields can hold. */
const maxName = 100;
const maxSize = 0o77777777777;
const maxId = 0o7777777;

const typeFlags = { file: '0', hardLink: '1', symlink: '2', directory: '5', pax: 'x' } as const;

interface Header {
  readonly name: string;
  readonly type: keyof typeof typeFlags;
  readonly mode: number;
  readonly size: number;
  readonly target: string;
  readonly owner: Owner;
}

/**
 * The archive's bytes. Everything has the same time; the root directory itself is left out.
 * @param time seconds since the epoch
 * @throws PortableError what reading the files throws
 */
export async function* tarOf(tree: StagingTree, time: number): AsyncGenerator<Buffer, void> {
  const written = new Map<StagedFile, string>();
  for (const { path, node } of tree.walk()) {
    const name = path.slice(1);
    const first = node.kind === 'file' ? written.get(node) : undefined;
    if (first !== undefined) {
      yield* headers({ name, type: 'hardLink', mode: 0o644, size: 0, target: first, owner: root }, time);
      continue;
    }
    if (node.kind === 'file') written.set(node, name);
    yield* headers(headerOf({ path: name, node }), time, xattrsOf(node));
    if (node.kind === 'file') yield* padded(piecesOf(node.content));
  }
  yield Buffer.alloc(2 * blockBytes);
}

function headerOf({ path, node }: FoundNode): Header {
  const owner = node.owner ?? root;
  switch (node.kind) {
    case 'file':
      return { name: path, type: 'file', mode: node.mode, size: node.content.size, target: '', owner };
    case 'directory':
      return { name: `${path}/`, type: 'directory', mode: node.mode, size: 0, target: '', owner };
    case 'symlink':
      return { name: path, type: 'symlink', mode: 0o777, size: 0, target: node.target, owner };
  }
}

function xattrsOf(node: StagedNode): ReadonlyMap<string, Buffer> {
  return (node.kind === 'symlink' ? undefined : node.xattrs) ?? new Map<string, Buffer>();
}

/** The header of an entry, after an extended header for what does not fit. */
function* headers(
  header: Header,
  time: number,
  xattrs: ReadonlyMap<string, Buffer> = new Map(),
): Generator<Buffer, void> {
  const records: Buffer[] = [];
  if (Buffer.byteLength(header.name) > maxName) records.push(record('path', header.name));
  if (Buffer.byteLength(header.target) > maxName) records.push(record('linkpath', header.target));
  if (header.size > maxSize) records.push(record('size', String(header.size)));
  if (header.owner.uid > maxId) records.push(record('uid', String(header.owner.uid)));
  if (header.owner.gid > maxId) records.push(record('gid', String(header.owner.gid)));
  const sorted = [...xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  records.push(...sorted.map(([name, value]) => record(`SCHILY.xattr.${checkedXattr(name)}`, value)));
  if (records.length > 0) {
    const extended = Buffer.concat(records);
    yield ustar(
      { name: 'pax', type: 'pax', mode: 0o644, size: extended.length, target: '', owner: root },
      time,
    );
    yield pad(extended);
  }
  yield ustar(header, time);
}

/** "LENGTH KEY=VALUE\n", where the length counts itself. */
function record(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length > length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** The name ends at "=" for whoever reads the record. */
function checkedXattr(name: string): string {
  if (!/[=\n\0]/.test(name)) return name;
  throw new PortableError('NotSupported', `the extended attribute ${quoted(name)} cannot be archived`);
}

function ustar({ name, type, mode, size, target, owner }: Header, time: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const octal = (value: number, at: number, digits: number): void => {
    block.write(value.toString(8).padStart(digits, '0'), at, 'latin1');
  };
  Buffer.from(name).copy(block, 0, 0, maxName);
  octal(mode, 100, 7);
  octal(Math.min(owner.uid, maxId), 108, 7);
  octal(Math.min(owner.gid, maxId), 116, 7);
  octal(Math.min(size, maxSize), 124, 11);
  octal(time, 136, 11);
  block.write(typeFlags[type], 156, 'latin1');
  Buffer.from(target).copy(block, 157, 0, maxName);
  block.write('ustar\u000000', 257, 'latin1');
  block.fill(' ', 148, 156);
  octal(
    block.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  block.write('\0 ', 154, 'latin1');
  return block;
}

async function* padded(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let size = 0;
  for await (const piece of pieces) {
    size += piece.length;
    yield piece;
  }
  const rest = size % blockBytes;
  if (rest > 0) yield Buffer.alloc(blockBytes - rest);
}

function pad(bytes: Buffer): Buffer {
  const rest = bytes.length % blockBytes;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(blockBytes - rest)]);
}
