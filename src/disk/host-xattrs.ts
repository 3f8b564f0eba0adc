/**
 * Extended attributes of a file of the host. Node cannot read them, so getfattr(1) does; a process costs some ms,
 * so this is only for the few places that need them (extension-release, verity root hashes).
 */
import { PortableError, errnoOf, quoted } from '../base/errors.ts';

/** The most that getfattr may print: the kernel allows 64 KiB per value (xattr(7)), and hex doubles it. */
const maxOutput = 4 * 1024 * 1024;

const timeoutMs = 10_000;

/**
 * The extended attributes of the inode that `fd` is open on (O_PATH will do), by full name; none where the file
 * system has none.
 *
 * @param label what error messages call the file
 * @throws PortableError NotSupported when getfattr is not installed, Failed when it cannot read them
 */
export async function readHostXattrs(fd: number, label: string): Promise<ReadonlyMap<string, Buffer>> {
  // The child gets the descriptor itself, as its number 3: no path is looked up a second time
  const options = ['--dump', '--encoding=hex', '--match=-', '--absolute-names', '--', '/proc/self/fd/3'];
  const { execa } = await import('execa');
  const result = await execa('getfattr', options, {
    // any descriptor will do, but execa's types end at 9
    stdio: ['ignore', 'pipe', 'pipe', fd as 9],
    env: { LC_ALL: 'C' },
    maxBuffer: maxOutput,
    timeout: timeoutMs,
    reject: false,
  });
  if (!(result instanceof Error)) return parseDump(result.stdout, label);
  if (errnoOf(result) === 'ENOENT') {
    throw new PortableError(
      'NotSupported',
      `cannot read the extended attributes of ${quoted(label)}: getfattr is missing`,
      {
        file: label,
        hint: "install the package 'attr'",
        cause: result,
      },
    );
  }
  const reason = result.stderr === '' ? result.shortMessage : result.stderr;
  throw new PortableError('Failed', `cannot read the extended attributes of ${quoted(label)}: ${reason}`, {
    file: label,
    cause: result,
  });
}

/** getfattr --dump --encoding=hex: a comment, then one `name=0xHEX` (`name=` when empty) per line. */
function parseDump(dump: string, label: string): Map<string, Buffer> {
  const attributes = new Map<string, Buffer>();
  for (const line of dump.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([^=]+)=(?:0x((?:[0-9a-f]{2})*))?$/i.exec(line);
    if (match?.[1] === undefined) {
      throw new PortableError(
        'Failed',
        `cannot make sense of getfattr's line ${quoted(line)} for ${quoted(label)}`,
        {
          file: label,
        },
      );
    }
    attributes.set(unescapeName(match[1]), Buffer.from(match[2] ?? '', 'hex'));
  }
  return attributes;
}

/** getfattr writes odd bytes of a name as `\ooo`. */
function unescapeName(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
