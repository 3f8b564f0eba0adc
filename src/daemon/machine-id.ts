/** The id of the machine we run on: machine-id(5). */
import { readFile } from 'node:fs/promises';

import { fileError, PortableError, quoted } from '../base/errors.ts';

/**
 * @param file where it is
 * @returns 32 lower-case hexadecimal digits
 * @throws PortableError when there is none, or none yet
 */
export async function machineId(file = '/etc/machine-id'): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw fileError(error, 'read the machine id from', file);
  });
  const id = text.trim();
  if (/^[0-9a-f]{32}$/.test(id)) return id;
  throw new PortableError('Failed', `${quoted(file)} does not hold a machine id`, { file });
}
