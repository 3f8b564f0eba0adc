/** The bytes of a file. */
import type { ClusterChain } from './chain.ts';
import type { Volume } from './volume.ts';

/** Bytes that one call may ask for; nobody who reads images in pieces needs more. */
const maxRead = 2 ** 30;

/**
 * Up to `length` bytes of a file from `offset`, fewer only at its end.
 *
 * @param file its size in bytes, and its clusters
 * @param owner what error messages call it
 * @throws PortableError InvalidArgs when the chain is corrupt or shorter than the file, LimitsExceeded
 */
export async function readContent(
  volume: Volume,
  file: { readonly size: number; readonly chain: ClusterChain; readonly owner: string },
  offset: bigint,
  length: number,
): Promise<Buffer> {
  if (offset >= BigInt(file.size) || length <= 0) return Buffer.alloc(0);
  const start = Number(offset);
  const wanted = Math.min(length, file.size - start);
  if (wanted > maxRead) throw volume.budget.exceeded(`${wanted} bytes of a file asked for at once`);
  // before anything is allocated for what is not there
  const last = await file.chain.piece(start + wanted - 1);
  if (last === undefined) {
    throw volume.corrupt(`the cluster chain of ${file.owner} is shorter than its ${file.size} bytes`);
  }
  const bytes = Buffer.allocUnsafe(wanted);
  for (let done = 0; done < wanted;) {
    const piece = await file.chain.piece(start + done);
    if (piece === undefined) throw volume.corrupt(`the cluster chain of ${file.owner} has an end`);
    const count = Math.min(piece.length, wanted - done);
    await volume.readInto(bytes.subarray(done, done + count), piece.cluster, piece.skip);
    done += count;
  }
  return bytes;
}
