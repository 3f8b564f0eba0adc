/**
 * The feature inline_data: small files and directories are kept in the inode itself, the first 60 bytes in i_block,
 * the rest in the value of the attribute "system.data".
 * https://docs.kernel.org/filesystems/ext4/ifork.html ("Inline Data"), …/inlinedata.html
 */
import type { Inode } from './inode.ts';
import type { Volume } from './volume.ts';
import { inodeXattrs, xattrIndex } from './xattr-entries.ts';

/** The stored bytes of an inode with inline data; the file may be longer, and shorter. */
export function inlineBytes(volume: Volume, inode: Inode): Buffer {
  return Buffer.concat([inode.blockArea, inlineRest(volume, inode)]);
}

/** The bytes behind those in i_block. */
export function inlineRest(volume: Volume, inode: Inode): Buffer {
  const rest = inodeXattrs(volume, inode).find(
    (entry) => entry.index === xattrIndex.system && entry.name.equals(dataName),
  );
  if (rest?.valueInode !== 0) {
    throw volume.corrupt(`inode ${inode.number} has inline data, but not its attribute system.data`);
  }
  return rest.value;
}

const dataName = Buffer.from('data');
