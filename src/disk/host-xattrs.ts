/**
 * Extended attributes of a file of the host. Node cannot read them, so getfattr(1) does; a process costs some ms,
 * so this is only for the few places that need them (extension-release, verity root hashes).
 */
import { fstatSync } from 'node:fs';
import { PortableError, quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';
import { Recent } from './recent.ts';

/** Reads the extended attributes of what a descriptor is open on; `label` is what errors call it. */
export type ReadXattrs = (fd: number, label: string) => Promise<ReadonlyMap<string, Buffer>>;

/** Files whose attributes are remembered: those of one image, or its extensions, are asked for again and again. */
const remembered = 64;

/** For how long a file must have been left alone before a change is sure to give it another time of change, ms. */
const settledMs = 2000;

/**
 * readHostXattrs(), which does not start a process again for a file that has not changed since: setting an attribute
 * changes st_ctime (inode(7)), but two changes within one tick of the file system's clock look like one.
 */
export function rememberingXattrs(read: ReadXattrs = readHostXattrs): ReadXattrs {
  const recent = new Recent<string, ReadonlyMap<string, Buffer>>(remembered);
  return (fd, label) => {
    const { dev, ino, ctimeNs, ctimeMs } = fstatSync(fd, { bigint: true });
    const age = Date.now() - Number(ctimeMs);
    if (age < settledMs) return read(fd, label);
    return recent.get(`${dev}:${ino}:${ctimeNs}`, () => read(fd, label));
  };
}

/**
 * The extended attributes of the inode that `fd` is open on (O_PATH will do), by full name; none where the file
 * system has none.
 *
 * @param label what error messages call the file
 * @throws PortableError NotSupported when getfattr is not installed, Failed and the like when it cannot read them
 */
export async function readHostXattrs(fd: number, label: string): Promise<ReadonlyMap<string, Buffer>> {
  // our descriptor, as the child sees it: no path of the file is looked up a second time
  const file = `/proc/${process.pid}/fd/${fd}`;
  const options = ['--dump', '--encoding=hex', '--match=-', '--absolute-names', '--', file];
  const doing = `read the extended attributes of ${quoted(label)}`;
  return parseDump(await runTool('getfattr', options, { doing, file: label, package: 'attr' }), label);
}

/** getfattr --dump --encoding=hex: a comment, then one `name=0xHEX` (`name=` when empty) per line. */
function parseDump(dump: string, label: string): Map<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  for (const line of dump.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([^=]+)=(?:0x((?:[0-9a-f]{2})*))?$/i.exec(line);
    if (match?.[1] === undefined) {
      const message = `cannot make sense of getfattr's line ${quoted(line)} for ${quoted(label)}`;
      throw new PortableError('Failed', message, { file: label });
    }
    attributes.set(unescapeName(match[1]), Buffer.from(match[2] ?? '', 'hex'));
  }
  return attributes;
}

/** getfattr writes odd bytes of a name as `\ooo`. */
function unescapeName(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
