/** The certificates whose owners may sign root hashes: verity.d directories (systemd.exec(5), RootHashSignature=). */
import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { errnoOf, fileError } from '../../base/errors.ts';
import { onDisk, resolveInside, resolvedOnDisk } from '../../base/logical-path.ts';
import { openFileSource } from '../file-source.ts';

/** Where certificates are installed. */
export interface CertificateStore {
  /** Directory that stands for "/". */
  readonly root: string;
  /** As seen inside the root; of files with the same name the one in the first directory counts. */
  readonly directories: readonly string[];
}

/** Bytes of a file with a certificate; usual are 2 KiB. */
const maxFile = 64 * 1024;
/** Certificates read. */
const maxFiles = 1000;

/**
 * The installed certificates: PEM files named NAME.crt. What is no certificate is passed over, as systemd does: it
 * can take trust away, never add any. An empty file, or a link to /dev/null, hides those of its name further down.
 *
 * @throws PortableError when a directory cannot be read, other than for not being there
 */
export async function readCertificates(store: CertificateStore): Promise<X509Certificate[]> {
  const files = new Map<string, string>();
  for (const directory of store.directories) {
    for (const name of listCertificates(store.root, directory)) {
      if (!files.has(name)) files.set(name, `${directory}/${name}`);
    }
  }
  const certificates: X509Certificate[] = [];
  for (const file of [...files.values()].slice(0, maxFiles)) {
    certificates.push(...(await readCertificate(store.root, file)));
  }
  return certificates;
}

function listCertificates(root: string, directory: string): string[] {
  const where = resolvedOnDisk(root, directory);
  try {
    return readdirSync(where)
      .filter((name) => name.endsWith('.crt'))
      .sort();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return [];
    throw fileError(error, 'list', where);
  }
}

/** The first certificate in a file, or none. */
async function readCertificate(root: string, file: string): Promise<X509Certificate[]> {
  try {
    const source = await openFileSource(onDisk(root, resolveInside(root, file)));
    try {
      if (source.kind !== 'file' || source.size > BigInt(maxFile)) return [];
      const pem = await source.read(0n, Number(source.size));
      // DER is not taken: systemd reads PEM only
      return pem.includes('-----BEGIN') ? [new X509Certificate(pem)] : [];
    } finally {
      await source.close();
    }
  } catch {
    return [];
  }
}
