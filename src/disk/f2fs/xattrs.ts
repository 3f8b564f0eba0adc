/**
 * The extended attributes of a file, by the names and with the values that getxattr(2) gives: one list, of which the first
 * part is in the inode and the rest in a node of its own. Layout: struct f2fs_xattr_header, struct f2fs_xattr_entry.
 */
import { quoted } from '../../base/errors.ts';
import { aclValue } from '../short-acl.ts';
import type { Inode } from './inode.ts';
import { type Nodes, footerSize } from './nodes.ts';

const headerSize = 24;
const entryHeader = { size: 4, index: 0, nameLength: 1, valueSize: 2 } as const;

/** Entries start at multiples of this; a word of zeros ends the list. */
const alignment = 4;

/** Prefixes of names, by e_name_index. The others (advice, encryption, verity) the kernel does not show. */
const prefixes: ReadonlyMap<number, string> = new Map([
  [1, 'user.'],
  [4, 'trusted.'],
  [6, 'security.'],
]);

/** Indices that are the whole name. */
const aclNames: ReadonlyMap<number, string> = new Map([
  [2, 'system.posix_acl_access'],
  [3, 'system.posix_acl_default'],
]);

/** @throws PortableError InvalidArgs when they are corrupt */
export async function readXattrs(nodes: Nodes, inode: Inode): Promise<Map<string, Buffer>> {
  const { volume } = nodes;
  const values = new Map<string, Buffer>();
  const list = await storedList(nodes, inode);
  const where = `the attributes of inode ${inode.number}`;
  for (let at = headerSize; at + alignment <= list.length && list.readUInt32LE(at) !== 0;) {
    const nameEnd = at + entryHeader.size + list.readUInt8(at + entryHeader.nameLength);
    const end = nameEnd + list.readUInt16LE(at + entryHeader.valueSize);
    if (end > list.length) throw volume.corrupt(`${where}: the entry at byte ${at} is cut off`);
    const name = nameOf(
      inode,
      list.readUInt8(at + entryHeader.index),
      list.subarray(at + entryHeader.size, nameEnd),
    );
    if (name?.includes('\0') === true) {
      throw volume.corrupt(`${where}: the name of the entry at byte ${at} has a zero byte in it`);
    }
    if (name !== undefined && !values.has(name)) {
      const value = Buffer.from(list.subarray(nameEnd, end));
      const shown = name.startsWith('system.') ? aclValue(value) : value;
      if (shown === 'corrupt')
        throw volume.corrupt(`${where}: ${quoted(name)} is not an access control list`);
      if (shown !== undefined) values.set(name, shown);
    }
    at = Math.ceil(end / alignment) * alignment;
  }
  return values;
}

async function storedList(nodes: Nodes, inode: Inode): Promise<Buffer> {
  if (inode.xattrNode === 0) return inode.inlineXattrs;
  const node = await nodes.read(inode.xattrNode, inode.number);
  return Buffer.concat([inode.inlineXattrs, node.subarray(0, node.length - footerSize)]);
}

function nameOf(inode: Inode, index: number, name: Buffer): string | undefined {
  const acl = aclNames.get(index);
  // a symlink has no permissions of its own
  if (acl !== undefined) return inode.kind === 'symlink' ? undefined : acl;
  const prefix = prefixes.get(index);
  return prefix === undefined ? undefined : `${prefix}${name.toString()}`;
}
