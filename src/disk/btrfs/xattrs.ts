/** Extended attributes, stored with their full names: "On-disk Format", XATTR_ITEM. */
import type { Budget } from '../budget.ts';
import { itemsBetween } from './btree.ts';
import { readDirectoryItems } from './directory-item.ts';
import { keyType } from './format.ts';
import type { Inode } from './inode.ts';
import { lastKey } from './key.ts';

/** Names and values of one inode, bytes: names alone may be 64 KiB (listxattr(2)). */
const maxBytes = 1024 * 1024;

/** @throws PortableError InvalidArgs when they are corrupt, LimitsExceeded when they are too many */
export async function readXattrs(
  { tree, number }: Inode,
  budget: Budget,
): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>();
  let bytes = 0;
  const first = { objectId: number, type: keyType.xattrItem, offset: 0n };
  for await (const { key, data } of itemsBetween(tree, first, lastKey(number, keyType.xattrItem))) {
    bytes += data.length;
    if (bytes > maxBytes) {
      throw budget.exceeded(`more than ${maxBytes} bytes of extended attributes of inode ${number}`);
    }
    for (const { name, value } of readDirectoryItems(tree, key, data)) found.set(name.toString(), value);
  }
  return found;
}
