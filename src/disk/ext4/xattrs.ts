/** The extended attributes of a file, by the names and with the values that getxattr(2) gives. */
import { quoted } from '../../base/errors.ts';
import { aclValue } from '../short-acl.ts';
import { readContent } from './content.ts';
import { crc32c } from '../crc.ts';
import { type Inode, hasFlag, readInode } from './inode.ts';
import type { Volume } from './volume.ts';
import { type XattrEntry, blockXattrs, inodeXattrs, maxXattrSize, xattrIndex } from './xattr-entries.ts';

/** Bytes of all values of one file: far beyond what anybody stores, and little enough to hold. */
const maxTotalSize = 4 * 1024 * 1024;

/** Prefixes of names, by index. The others (inline data, encryption, Lustre, richacl) the kernel does not show. */
const prefixes: ReadonlyMap<number, string> = new Map([
  [xattrIndex.user, 'user.'],
  [xattrIndex.trusted, 'trusted.'],
  [xattrIndex.security, 'security.'],
  [xattrIndex.gnu, 'gnu.'],
]);

/** Indices that are the whole name. */
const aclNames: ReadonlyMap<number, string> = new Map([
  [xattrIndex.aclAccess, 'system.posix_acl_access'],
  [xattrIndex.aclDefault, 'system.posix_acl_default'],
]);

/**
 * All attributes of an inode. Where one is stored twice, the copy in the inode counts, as for the kernel.
 * @throws PortableError InvalidArgs when they are corrupt, LimitsExceeded when they are larger than 4 MiB together
 */
export async function readXattrs(volume: Volume, inode: Inode): Promise<Map<string, Buffer>> {
  const stored = [...inodeXattrs(volume, inode), ...(await blockXattrs(volume, inode))];
  const values = new Map<string, Buffer>();
  let total = 0;
  for (const entry of stored) {
    const name = nameOf(inode, entry);
    if (name === undefined || values.has(name)) continue;
    if (entry.valueSize > maxXattrSize) {
      throw volume.corrupt(
        `attribute ${quoted(name)} of inode ${inode.number} has ${entry.valueSize} bytes, at most ${maxXattrSize} are allowed`,
      );
    }
    total += entry.valueSize;
    if (total > maxTotalSize) {
      throw volume.budget.exceeded(`inode ${inode.number} has more than ${maxTotalSize} bytes of attributes`);
    }
    const value = entry.valueInode === 0 ? entry.value : await readLargeValue(volume, inode, entry);
    const shown = aclNames.has(entry.index) ? aclOf(volume, inode, name, value) : value;
    if (shown !== undefined) values.set(name, shown);
  }
  return values;
}

function nameOf(inode: Inode, entry: XattrEntry): string | undefined {
  const acl = aclNames.get(entry.index);
  // a symlink has no permissions of its own
  if (acl !== undefined) return inode.kind === 'symlink' ? undefined : acl;
  const prefix = prefixes.get(entry.index);
  return prefix === undefined ? undefined : `${prefix}${entry.name.toString()}`;
}

function aclOf(volume: Volume, inode: Inode, name: string, value: Buffer): Buffer | undefined {
  const shown = aclValue(value);
  if (shown === 'corrupt') {
    throw volume.corrupt(`attribute ${quoted(name)} of inode ${inode.number} is not an access control list`);
  }
  return shown;
}

/**
 * A value in an inode of its own (feature ea_inode), which has the checksum of the value as its access time.
 * https://docs.kernel.org/filesystems/ext4/eainode.html
 */
async function readLargeValue(volume: Volume, owner: Inode, entry: XattrEntry): Promise<Buffer> {
  const what = `the attribute value in inode ${entry.valueInode} of inode ${owner.number}`;
  if (!volume.superblock.features.has('ea_inode')) {
    throw volume.corrupt(`${what} is there without the feature ea_inode`);
  }
  const inode = await readInode(volume, entry.valueInode);
  if (inode.kind !== 'file' || !hasFlag(inode, 'xattrValue') || inode.size !== BigInt(entry.valueSize)) {
    throw volume.corrupt(`${what} is no attribute value of ${entry.valueSize} bytes`);
  }
  const value = await readContent(volume, inode, 0n, entry.valueSize);
  const isOldStyle = inode.rawTimes.mtime === owner.number && inode.generation === owner.generation;
  if (!isOldStyle && crc32c(volume.superblock.checksumSeed, value) !== inode.rawTimes.atime) {
    throw volume.corrupt(`the checksum of ${what} does not match`);
  }
  return value;
}
