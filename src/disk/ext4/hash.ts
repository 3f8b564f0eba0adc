/**
 * The hashes of names that directory indices are sorted by. Which of them: hash_version of the index,
 * https://docs.kernel.org/filesystems/ext4/directory.html ("Hash Tree Directories"). The functions are the ones of
 * `debugfs -R 'dx_hash …'`, and the tests hold ours against it.
 */

import { type CharSign, charAt, md4Start, packWords, tea, word } from '../tea.ts';

export type { CharSign } from '../tea.ts';

export type HashFunction = 'legacy' | 'half-md4' | 'tea';

/** hash_version: the last three say their sign, for the others it is in the superblock. */
export const hashVersions: ReadonlyMap<number, { function: HashFunction; sign?: CharSign }> = new Map([
  [0, { function: 'legacy' }],
  [1, { function: 'half-md4' }],
  [2, { function: 'tea' }],
  [3, { function: 'legacy', sign: 'unsigned' }],
  [4, { function: 'half-md4', sign: 'unsigned' }],
  [5, { function: 'tea', sign: 'unsigned' }],
]);

/** The highest hash is kept for the end of a directory; a name that has it gets the one before. */
const endOfDirectory = 0xffff_fffe;

/** The hash of a name (up to 255 bytes), its lowest bit clear (indices use that bit to say that a hash goes on in the next leaf). */
export function nameHash(name: Buffer, how: HashFunction, sign: CharSign, seed: readonly number[]): number {
  const hash = (hashWith(name, how, sign, seed) & ~1) >>> 0;
  return hash === endOfDirectory ? endOfDirectory - 2 : hash;
}

function hashWith(name: Buffer, how: HashFunction, sign: CharSign, seed: readonly number[]): number {
  if (how === 'legacy') return legacyHash(name, sign);
  const state = Int32Array.from(seed.some((word) => word !== 0) ? seed : md4Start);
  const words = how === 'half-md4' ? 8 : 4;
  for (let at = 0; at < name.length; at += words * 4) {
    const input = packWords(name.subarray(at), words, sign);
    if (how === 'half-md4') halfMd4(state, input);
    else tea(state, input);
  }
  return word(state, how === 'half-md4' ? 1 : 0);
}

/** A third of what MD4 does: three rounds of eight steps each, over eight words. */
function halfMd4(state: Int32Array, input: Int32Array): void {
  let [a, b, c, d] = [word(state, 0), word(state, 1), word(state, 2), word(state, 3)];
  for (const round of md4Rounds) {
    for (const [step, index] of round.order.entries()) {
      const sum = (a + round.mix(b, c, d) + word(input, index) + round.constant) | 0;
      const turned = rotateLeft(sum, round.shifts[step % 4] ?? 0);
      [a, b, c, d] = [d, turned, b, c];
    }
  }
  state[0] = word(state, 0) + a;
  state[1] = word(state, 1) + b;
  state[2] = word(state, 2) + c;
  state[3] = word(state, 3) + d;
}

/** The functions and constants are those of RFC 1320; the order in which words are taken is ext4's. */
const md4Rounds = [
  {
    mix: (x: number, y: number, z: number) => (x & y) | (~x & z),
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7],
    shifts: [3, 7, 11, 19],
  },
  {
    mix: (x: number, y: number, z: number) => (x & y) | (x & z) | (y & z),
    constant: 0x5a82_7999,
    order: [1, 3, 5, 7, 0, 2, 4, 6],
    shifts: [3, 5, 9, 13],
  },
  {
    mix: (x: number, y: number, z: number) => x ^ y ^ z,
    constant: 0x6ed9_eba1,
    order: [3, 7, 2, 6, 1, 5, 0, 4],
    shifts: [3, 9, 11, 15],
  },
] as const;

function rotateLeft(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** The hash of the first directory indices: a two-term recurrence modulo 2^31 - 1. */
function legacyHash(name: Buffer, sign: CharSign): number {
  let newer = 0x12a3_fe2d;
  let older = 0x37ab_e8f9;
  for (let at = 0; at < name.length; at++) {
    const factor = Math.imul(charAt(name, at, sign), 7_152_373);
    let next = (older + (newer ^ factor)) >>> 0;
    if (next >= 0x8000_0000) next = (next - 0x7fff_ffff) >>> 0;
    [older, newer] = [newer, next];
  }
  return (newer << 1) >>> 0;
}
