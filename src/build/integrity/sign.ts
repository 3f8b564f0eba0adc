/**
 * Signatures of root hashes as the kernel and the service manager check them: detached PKCS#7 (RFC 2315) in DER, over the
 * hexadecimal digits: systemd.exec(5) RootHashSignature=, dm-verity of the kernel's documentation.
 */
import { X509Certificate, createHash } from 'node:crypto';
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { PortableError, fileError, quoted } from '../../base/errors.ts';
import { runTool } from '../../base/tool.ts';
import { toolOptions } from '../write/settings.ts';
import type { IntegritySettings } from './verity.ts';

/** Who signs: PEM files of this machine. */
export interface Signer {
  readonly key: string;
  readonly certificate: string;
}

export interface Signature {
  /** DER. */
  readonly pkcs7: Buffer;
  /** SHA-256 of the certificate's DER, hexadecimal. */
  readonly fingerprint: string;
}

/**
 * Signs a root hash with openssl(1). Neither time nor certificate are in the signature: the same key gives the same bytes.
 * @param scratch names of files beside the image that are ours to write
 * @throws PortableError InvalidArgs when key or certificate cannot be used; NotSupported when openssl is missing;
 *   file-system errors when they cannot be read
 */
export async function signRootHash(
  rootHash: string,
  { key, certificate }: Signer,
  scratch: string,
  settings: IntegritySettings,
): Promise<Signature> {
  const fingerprint = await fingerprintOf(certificate);
  // what openssl says of a missing file depends on its version
  await attempt('read', key, () => access(key, constants.R_OK));
  const [input, output] = [`${scratch}.roothash`, `${scratch}.p7s`];
  await attempt('write', input, () => writeFile(input, rootHash));
  // no prompt for a passphrase: there may be nobody to ask
  const signer = ['-inkey', key, '-passin', 'pass:', '-signer', certificate];
  const form = ['-binary', '-noattr', '-nocerts', '-md', 'sha256', '-outform', 'DER'];
  const doing = `sign with ${quoted(key)}`;
  try {
    await runTool(
      'openssl',
      ['smime', '-sign', ...form, ...signer, '-in', input, '-out', output],
      toolOptions(settings, { doing, file: key, package: 'openssl' }),
    );
  } catch (cause) {
    if (!(cause instanceof PortableError) || cause.code === 'NotSupported') throw cause;
    throw new PortableError(cause.code === 'Failed' ? 'InvalidArgs' : cause.code, cause.message, {
      file: key,
      cause,
      hint: 'the key in PEM form, without a passphrase, that belongs to the certificate',
    });
  }
  return { pkcs7: await attempt('read', output, () => readFile(output)), fingerprint };
}

async function fingerprintOf(file: string): Promise<string> {
  const text = await attempt('read', file, () => readFile(file));
  try {
    return createHash('sha256').update(new X509Certificate(text).raw).digest('hex');
  } catch (cause) {
    throw new PortableError('InvalidArgs', `${quoted(file)} is no certificate`, {
      file,
      cause,
      hint: 'an X.509 certificate in PEM form',
    });
  }
}

async function attempt<T>(doing: string, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(error, doing, file);
  }
}
