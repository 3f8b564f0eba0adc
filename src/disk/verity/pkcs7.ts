/**
 * Detached PKCS#7 signatures (RFC 2315; the subset of CMS, RFC 5652, that names signers by issuer and serial number),
 * checked as `openssl smime -verify -nointern -noverify` does: only certificates that are given count, those in the
 * signature do not; nobody asks who issued them, or when they expire.
 */
import { type KeyObject, type X509Certificate, createHash, verify } from 'node:crypto';
import {
  type Element,
  EncodingError,
  children,
  expect,
  readElement,
  readObjectIdentifier,
  tags,
} from './der.ts';

/** A signature as read. */
export interface Pkcs7 {
  readonly signers: readonly SignerInfo[];
}

/** What one signer says. */
interface SignerInfo {
  /** Issuer and serial number of the certificate, as encoded. */
  readonly issuer: Buffer;
  readonly serial: Buffer;
  /** As node:crypto names it. */
  readonly hash: string;
  readonly signature: Buffer;
  /** Encoded attributes that are signed in place of the content, and the digest of the content among them. */
  readonly attributes: { readonly encoded: Buffer; readonly digest: Buffer } | undefined;
}

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  messageDigest: '1.2.840.113549.1.9.4',
} as const;

/** Digest algorithms. SHA-1 and older are left out: signatures with them can be forged. */
const hashes: ReadonlyMap<string, string> = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
  ['2.16.840.1.101.3.4.2.4', 'sha224'],
]);

/** How signers sign: RFC 8017, appendix A.2.4 (and rsaEncryption, which leaves the digest to its field); RFC 5754. */
const signatureAlgorithms: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.1',
  ...[11, 12, 13, 14].map((n) => `1.2.840.113549.1.1.${n}`),
  '1.2.840.10045.2.1',
  ...[1, 2, 3, 4].map((n) => `1.2.840.10045.4.3.${n}`),
]);

/** Versions of the structures: RFC 2315 has 1; RFC 5652, sections 5.1 and 5.3, the others. */
const versions = { signedData: [1, 3, 4, 5], signer: [1, 3] } as const;

/** @throws EncodingError saying what is missing in it, or not known */
export function readPkcs7(bytes: Buffer): Pkcs7 {
  const [type, explicit] = children(expect(readElement(bytes), tags.sequence, 'the outer sequence'));
  const typeName = readObjectIdentifier(type, 'the content type');
  if (typeName !== oid.signedData)
    throw new EncodingError(`its content is of type ${typeName}, not signed data`);
  const [signedData] = children(expect(explicit, tags.context0, 'the content'));
  const fields = children(expect(signedData, tags.sequence, 'the signed data'));
  // perhaps certificates and revocation lists come before the signers
  const [version, digests, content] = fields;
  checkVersion(version, versions.signedData, 'the version of the signed data');
  expectData(content);
  const last = expect(fields.length >= 4 ? fields.at(-1) : undefined, tags.set, 'the set of signers');
  const signers = children(last).map(readSigner);
  const announced = children(expect(digests, tags.set, 'the set of digest algorithms')).map(readHash);
  if (signers.some(({ hash }) => !announced.includes(hash))) {
    throw new EncodingError('a signer has a digest algorithm that is not announced');
  }
  if (signers.length === 0) throw new EncodingError('nobody signed it');
  return { signers };
}

function checkVersion(element: Element | undefined, known: readonly number[], what: string): void {
  const { content } = expect(element, tags.integer, what);
  const number = content.length === 1 ? content[0] : undefined;
  if (number === undefined || !known.includes(number)) {
    throw new EncodingError(`${what} is 0x${content.toString('hex')}, which is not known`);
  }
}

/** The signed content, which is kept elsewhere; if it is in here, too, that does not count. */
function expectData(content: Element | undefined): void {
  const [type] = children(expect(content, tags.sequence, 'the description of the content'));
  const name = readObjectIdentifier(type, 'the type of the signed content');
  if (name !== oid.data) throw new EncodingError(`what is signed is of type ${name}, not plain data`);
}

function readSigner(element: Element): SignerInfo {
  const fields = children(expect(element, tags.sequence, 'a signer'));
  const [version, id, digestAlgorithm, ...rest] = fields;
  checkVersion(version, versions.signer, 'the version of a signer');
  const [issuer, serial] = children(expect(id, tags.sequence, 'the issuer and serial number of a signer'));
  const attributes = rest[0]?.tag === tags.context0 ? rest.shift() : undefined;
  const [signatureAlgorithm, signature] = rest;
  checkSignatureAlgorithm(signatureAlgorithm);
  return {
    issuer: expect(issuer, tags.sequence, 'the issuer of a signer').raw,
    serial: expect(serial, tags.integer, 'the serial number of a signer').content,
    hash: readHash(digestAlgorithm),
    signature: expect(signature, tags.octetString, 'the signature of a signer').content,
    attributes: attributes === undefined ? undefined : readAttributes(attributes),
  };
}

function readHash(element: Element | undefined): string {
  const [name] = children(expect(element, tags.sequence, 'the digest algorithm of a signer'));
  const identifier = readObjectIdentifier(name, 'the digest algorithm of a signer');
  const hash = hashes.get(identifier);
  if (hash === undefined)
    throw new EncodingError(`its digest algorithm ${identifier} is not known, or too weak`);
  return hash;
}

function checkSignatureAlgorithm(element: Element | undefined): void {
  const what = 'the signature algorithm of a signer';
  const [name] = children(expect(element, tags.sequence, what));
  const identifier = readObjectIdentifier(name, what);
  if (!signatureAlgorithms.has(identifier)) {
    throw new EncodingError(`its signature algorithm ${identifier} is not known`);
  }
}

/** RFC 5652, section 5.4: what is signed is their encoding as a set. */
function readAttributes(element: Element): { readonly encoded: Buffer; readonly digest: Buffer } {
  if (element.indefinite) throw new EncodingError('its attributes are not encoded in DER');
  const digests = children(element).flatMap((attribute) => {
    const [type, values] = children(expect(attribute, tags.sequence, 'an attribute'));
    if (readObjectIdentifier(type, 'the type of an attribute') !== oid.messageDigest) return [];
    return children(expect(values, tags.set, 'the values of an attribute'));
  });
  const [digest, ...others] = digests;
  if (others.length > 0) throw new EncodingError('it has several message digests');
  const encoded = Buffer.from(element.raw);
  encoded[0] = tags.set;
  return { encoded, digest: expect(digest, tags.octetString, 'the message digest').content };
}

/** Whether every signer of `content` is one of the certificates. */
export function isSignedBy(pkcs7: Pkcs7, content: Buffer, certificates: readonly X509Certificate[]): boolean {
  const known = certificates.map((certificate) => ({ certificate, ...identify(certificate) }));
  return pkcs7.signers.every((signer) => {
    const signed = signedBytes(signer, content);
    return (
      signed !== undefined &&
      known.some(
        ({ certificate, issuer, serial }) =>
          issuer.equals(signer.issuer) &&
          serial.equals(signer.serial) &&
          isSignature(signer, signed, certificate.publicKey),
      )
    );
  });
}

/** Issuer and serial number of a certificate: RFC 5280, section 4.1. */
function identify(certificate: X509Certificate): { readonly issuer: Buffer; readonly serial: Buffer } {
  const [body] = children(readElement(certificate.raw));
  const fields = children(expect(body, tags.sequence, 'the body of the certificate'));
  if (fields[0]?.tag === tags.context0) fields.shift();
  const [serial, , issuer] = fields;
  return {
    issuer: expect(issuer, tags.sequence, 'the issuer of the certificate').raw,
    serial: expect(serial, tags.integer, 'the serial number of the certificate').content,
  };
}

/** What was signed; undefined when the attributes are about other content. */
function signedBytes({ attributes, hash }: SignerInfo, content: Buffer): Buffer | undefined {
  if (attributes === undefined) return content;
  const isAbout = createHash(hash).update(content).digest().equals(attributes.digest);
  return isAbout ? attributes.encoded : undefined;
}

/** PKCS#7 knows RSA with PKCS#1 padding; ECDSA came with RFC 5753. */
function isSignature({ hash, signature }: SignerInfo, signed: Buffer, key: KeyObject): boolean {
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') return false;
  return verify(hash, signed, key, signature);
}
