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

/** An address list that is not one, or names no socket we can connect to. */
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
