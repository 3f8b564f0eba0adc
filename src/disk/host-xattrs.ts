/**
 * Extended attributes of a file of the host. Node cannot read them, so getfattr(1) does; a process costs some ms,
 * so this is only for the few places that need them (extension-release, verity root hashes).
 */
import { PortableError, quoted } from '../base/errors.ts';
import { runTool } from '../base/tool.ts';

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
