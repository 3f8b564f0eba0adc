/** Signature partitions: UAPI.2, the Discoverable Partitions Specification, "Verity signature partitions". */
import { quoted } from '../../base/errors.ts';
import type { BlockSource } from '../source.ts';
import { corruptVerity } from './errors.ts';
import { type GivenSignature, maxSignatureBytes, parseRootHash } from './settings.ts';

/** What a signature partition says. */
export interface SignedHash {
  readonly hash: Buffer;
  /** The partition. */
  readonly from: string;
  readonly signature: GivenSignature;
}

/** Of such a partition, as systemd has it; bytes. */
const maxPartition = 4n * 1024n * 1024n;
/** Of the text in it: the signature as base64, and little more. Bytes. */
const maxText = 128 * 1024;

/**
 * @param partition its bytes: a JSON object, and zeros
 * @throws PortableError InvalidArgs saying which field is missing or wrong
 */
export async function readSignaturePartition(partition: BlockSource): Promise<SignedHash> {
  const { name } = partition;
  const fields = parseObject(name, await readText(partition));
  const [rootHash, signature] = [fields['rootHash'], fields['signature']];
  const hash = typeof rootHash === 'string' ? parseRootHash(rootHash) : undefined;
  if (hash === undefined) throw corruptVerity(name, `its JSON has no root hash in the field "rootHash"`);
  const bytes = typeof signature === 'string' ? parseBase64(signature) : undefined;
  if (bytes === undefined) throw corruptVerity(name, 'its JSON has no base64 in the field "signature"');
  return { hash, from: name, signature: { bytes, from: quoted(name) } };
}

/** Up to the first NUL, after which there must be nothing else. */
async function readText(partition: BlockSource): Promise<string> {
  const { name, size } = partition;
  if (size > maxPartition) throw corruptVerity(name, `it has ${size} bytes, more than ${maxPartition}`);
  const bytes = await partition.read(0n, Number(size));
  const end = bytes.indexOf(0);
  const text = end === -1 ? bytes : bytes.subarray(0, end);
  if (bytes.subarray(text.length).some((byte) => byte !== 0)) {
    throw corruptVerity(name, `there is something behind its JSON, which ends at offset ${text.length}`);
  }
  if (text.length > maxText)
    throw corruptVerity(name, `its JSON has ${text.length} bytes, more than ${maxText}`);
  return text.toString();
}

function parseObject(name: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // the parser's message would repeat parts of the text
    throw corruptVerity(name, 'it does not hold JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw corruptVerity(name, 'its JSON is not an object');
  }
  return { ...value };
}

/** RFC 4648, with the whitespace that systemd allows; undefined when it is none, or too long. */
function parseBase64(text: string): Buffer | undefined {
  const digits = text.replace(/[ \t\r\n]/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(digits)) return undefined;
  const bytes = Buffer.from(digits, 'base64');
  return bytes.length === 0 || bytes.length > maxSignatureBytes ? undefined : bytes;
}
