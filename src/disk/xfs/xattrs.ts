/** The extended attributes of a file, by the names and with the values that getxattr(2) gives. */
import { quoted } from '../../base/errors.ts';
import { aclValue } from './acl.ts';
import type { Fork, Inode } from './inode.ts';
import { leafXattrs } from './leaf-xattrs.ts';
import { readRemoteValue } from './remote-value.ts';
import { shortXattrs } from './short-xattrs.ts';
import type { Volume } from './volume.ts';
import { type XattrEntry, xattrFlags } from './xattr-entry.ts';

/** Bytes of a value: xattr(7). */
const maxXattrSize = 65536;

/** Bytes of all values of one file: far beyond what anybody stores, and little enough to hold. */
const maxTotalSize = 4 * 1024 * 1024;

/** Trusted attributes that are lists, which the kernel shows under other names as well. */
const aclNames: ReadonlyMap<string, string> = new Map([
  ['SGI_ACL_FILE', 'system.posix_acl_access'],
  ['SGI_ACL_DEFAULT', 'system.posix_acl_default'],
]);

/**
 * All attributes of an inode that users know of.
 * @throws PortableError InvalidArgs when they are corrupt, LimitsExceeded when they are larger than 4 MiB together
 */
export async function readXattrs(volume: Volume, inode: Inode): Promise<Map<string, Buffer>> {
  const values = new Map<string, Buffer>();
  const fork = inode.attributes;
  if (fork === undefined) return values;
  let total = 0;
  for await (const entry of storedEntries(volume, inode, fork)) {
    if ((entry.flags & (xattrFlags.parent | xattrFlags.incomplete)) !== 0) continue;
    const name = `${prefixOf(entry.flags)}${entry.name.toString()}`;
    const size = Buffer.isBuffer(entry.value) ? entry.value.length : entry.value.size;
    if (size > maxXattrSize) {
      throw volume.corrupt(
        `attribute ${quoted(name)} of inode ${inode.number} has ${size} bytes, at most ${maxXattrSize} are allowed`,
      );
    }
    total += size + name.length;
    if (total > maxTotalSize) {
      throw volume.budget.exceeded(`inode ${inode.number} has more than ${maxTotalSize} bytes of attributes`);
    }
    const value = Buffer.isBuffer(entry.value)
      ? entry.value
      : await readRemoteValue(volume, inode, fork, entry.value);
    values.set(name, value);
    addAcl(volume, inode, entry, value, values);
  }
  return values;
}

async function* storedEntries(volume: Volume, inode: Inode, fork: Fork): AsyncGenerator<XattrEntry> {
  if (fork.format === 'local') yield* shortXattrs(volume, inode, fork);
  // a list with nothing in it: there are none any more
  else if (fork.format === 'btree' || fork.extents > 0n) yield* leafXattrs(volume, inode, fork);
}

function prefixOf(flags: number): string {
  if ((flags & xattrFlags.trusted) !== 0) return 'trusted.';
  return (flags & xattrFlags.secure) !== 0 ? 'security.' : 'user.';
}

function addAcl(
  volume: Volume,
  inode: Inode,
  { flags, name }: XattrEntry,
  value: Buffer,
  values: Map<string, Buffer>,
): void {
  const shownName = (flags & xattrFlags.trusted) === 0 ? undefined : aclNames.get(name.toString());
  // a symlink has no permissions of its own
  if (shownName === undefined || inode.kind === 'symlink') return;
  const shown = aclValue(value);
  if (shown === 'corrupt') {
    throw volume.corrupt(
      `attribute ${quoted(shownName)} of inode ${inode.number} is not an access control list`,
    );
  }
  values.set(shownName, shown);
}
