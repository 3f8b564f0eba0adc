/**
 * What the hashes of names in ext4's and f2fs' directories have in common: how a name becomes words, and the cipher that
 * mixes them.
 */

/** How bytes from 0x80 on are taken: as numbers from -128 (signed) or from 128 on. */
export type CharSign = 'signed' | 'unsigned';

/** What MD4 (RFC 1320) starts with; used where the superblock has no seed of its own. */
export const md4Start = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/** The hash of a name in f2fs: the first word that is left after all of it. */
export function teaHash(name: Buffer): number {
  const state = Int32Array.from(md4Start);
  for (let at = 0; at < name.length; at += teaWords * 4)
    tea(state, packWords(name.subarray(at), teaWords, 'unsigned'));
  return word(state, 0) >>> 0;
}

/** Words that one round of the cipher takes in. */
export const teaWords = 4;

/**
 * The next `count` words of a name, four bytes each, the first byte highest. What the name does not fill is filled
 * with its length (of all that is left of it), repeated in each byte.
 */
export function packWords(rest: Buffer, count: number, sign: CharSign): Int32Array {
  const padding = Math.imul(rest.length, 0x0101_0101);
  const words = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    let packed = padding;
    for (let at = index * 4; at < Math.min(index * 4 + 4, rest.length); at++) {
      packed = (charAt(rest, at, sign) + (packed << 8)) | 0;
    }
    words[index] = packed;
  }
  return words;
}

export function charAt(name: Buffer, at: number, sign: CharSign): number {
  return sign === 'signed' ? name.readInt8(at) : name.readUInt8(at);
}

/** The Tiny Encryption Algorithm of Wheeler and Needham, 16 cycles: the input is the key, the state is encrypted. */
export function tea(state: Int32Array, key: Int32Array): void {
  const delta = 0x9e37_79b9;
  let [left, right] = [word(state, 0), word(state, 1)];
  let sum = 0;
  for (let cycle = 0; cycle < 16; cycle++) {
    sum = (sum + delta) | 0;
    left = (left + teaMix(right, sum, word(key, 0), word(key, 1))) | 0;
    right = (right + teaMix(left, sum, word(key, 2), word(key, 3))) | 0;
  }
  state[0] = word(state, 0) + left;
  state[1] = word(state, 1) + right;
}

function teaMix(value: number, sum: number, first: number, second: number): number {
  return ((value << 4) + first) ^ (value + sum) ^ ((value >>> 5) + second);
}

export function word(words: Int32Array, at: number): number {
  return words[at] ?? 0;
}
