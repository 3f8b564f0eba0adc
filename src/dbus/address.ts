/**
 * Server addresses: "unix:path=/run/dbus/system_bus_socket", several separated by ";".
 * Format: D-Bus Specification, "Server Addresses".
 */

/** One address of a list. */
export interface Address {
  /** "unix", "tcp", … */
  readonly transport: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** An address list that is not one, or names nothing we can connect to. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
}

/** @throws AddressError */
export function parseAddresses(list: string): readonly Address[] {
  const addresses = list
    .split(';')
    .filter((entry) => entry !== '')
    .map((entry) => parseAddress(entry));
  if (addresses.length === 0) throw new AddressError('the bus address is empty');
  return addresses;
}

/**
 * The socket to connect to, as net.connect takes it (an abstract one begins with NUL).
 * @throws AddressError for transports other than Unix sockets: nothing else authenticates by user id
 */
export function socketPath(address: Address): string {
  if (address.transport !== 'unix') {
    throw new AddressError(`cannot connect to a '${address.transport}:' bus address, only to 'unix:'`);
  }
  const path = address.parameters.get('path');
  if (path !== undefined) return path;
  const abstract = address.parameters.get('abstract');
  if (abstract !== undefined) return `\0${abstract}`;
  const given = [...address.parameters.keys()].join(', ');
  throw new AddressError(`the 'unix:' bus address has neither path= nor abstract= (but: ${given})`);
}

/**
 * The program that carries the messages over its standard input and output, with its arguments; undefined for
 * addresses of sockets ("Executed Subprocesses on Unix").
 * @throws AddressError
 */
export function programOf(address: Address): readonly [program: string, ...args: string[]] | undefined {
  if (address.transport !== 'unixexec') return undefined;
  const program = address.parameters.get('path');
  if (program === undefined) throw new AddressError("the 'unixexec:' bus address has no path=");
  const args: string[] = [];
  for (let arg; (arg = address.parameters.get(`argv${args.length + 1}`)) !== undefined;) args.push(arg);
  return [program, ...args];
}

/** A program as an address; the other way round. */
export function programAddress(program: string, args: readonly string[]): string {
  const parameters = [
    `path=${escapeValue(program)}`,
    ...args.map((arg, i) => `argv${i + 1}=${escapeValue(arg)}`),
  ];
  return `unixexec:${parameters.join(',')}`;
}

/** A value as it may stand in an address: only some bytes stand for themselves. */
export function escapeValue(value: string): string {
  return [...Buffer.from(value)]
    .map((byte) => String.fromCharCode(byte))
    .map((c) => (/[-0-9A-Za-z_/.*]/.test(c) ? c : `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`))
    .join('');
}

function parseAddress(entry: string): Address {
  const colon = entry.indexOf(':');
  if (colon <= 0) throw new AddressError(`'${entry}' is no bus address: it names no transport`);
  const parameters = new Map<string, string>();
  for (const pair of entry.slice(colon + 1).split(',')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    if (equals <= 0) throw new AddressError(`'${pair}' in the bus address '${entry}' is not KEY=VALUE`);
    parameters.set(pair.slice(0, equals), unescapeValue(pair.slice(equals + 1), entry));
  }
  return { transport: entry.slice(0, colon), parameters };
}

/** Any byte may be written %xx. */
function unescapeValue(value: string, entry: string): string {
  if (/%(?![0-9A-Fa-f]{2})/.test(value)) {
    throw new AddressError(`the bus address '${entry}' has a '%' without two hexadecimal digits`);
  }
  const latin = value.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return value === latin ? value : Buffer.from(latin, 'latin1').toString('utf8');
}
