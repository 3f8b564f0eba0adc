/** Whether somebody whom this host trusts has signed a root hash. */
import { PortableError, quoted } from '../../base/errors.ts';
import { type CertificateStore, readCertificates } from './certificates.ts';
import { EncodingError } from './der.ts';
import { corruptVerity } from './errors.ts';
import { isSignedBy, readPkcs7 } from './pkcs7.ts';
import type { GivenSignature } from './settings.ts';

/**
 * "valid": by one of the installed certificates. "unchecked": none are installed; the kernel may have keys of its
 * own, and tells when the service starts.
 */
export type SignatureState = 'valid' | 'unchecked';

/**
 * What is signed is the root hash as lower-case hexadecimal.
 *
 * @param image what error messages name
 * @throws PortableError InvalidArgs when the signature is not PKCS#7, AccessDenied when there are certificates and
 *   it is by none of them
 */
export async function checkSignature(
  image: string,
  rootHash: Buffer,
  { bytes, from }: GivenSignature,
  store: CertificateStore,
): Promise<SignatureState> {
  const pkcs7 = parse(image, bytes, from);
  const certificates = await readCertificates(store);
  if (certificates.length === 0) return 'unchecked';
  if (isSignedBy(pkcs7, Buffer.from(rootHash.toString('hex')), certificates)) return 'valid';
  const what = `the signature of its root hash, ${from}, is by none of the ${certificates.length} certificates installed`;
  throw new PortableError('AccessDenied', `${quoted(image)} cannot be trusted: ${what}`, {
    file: image,
    hint: `certificates are ${store.directories.map((directory) => `${directory}/*.crt`).join(', ')}`,
  });
}

function parse(image: string, bytes: Buffer, from: string): ReturnType<typeof readPkcs7> {
  try {
    return readPkcs7(bytes);
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
    throw corruptVerity(image, `${from} is no PKCS#7 signature: ${error.message}`);
  }
}
