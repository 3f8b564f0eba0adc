/**
 * Branch converters (BCJ), undone. Before compression they turn the relative targets of a processor's call
 * instructions into absolute ones, so that calls of the same function look the same; here they are turned back.
 * What each converts: xz file format, section 5.3.2 (tukaani.org/xz/xz-file-format.txt), and xz(1).
 */

/**
 * Undoes a filter in place.
 *
 * @param bytes the filtered data from its start
 * @param start the address of the first byte, as the filter's properties give it
 */
export type BranchFilter = (bytes: Buffer, start: number) => void;

/** Filter id in the xz format → filter, and the alignment that `start` must have. */
export const branchFilters: ReadonlyMap<number, { readonly undo: BranchFilter; readonly alignment: number }> =
  new Map([
    [0x04, { undo: x86, alignment: 1 }],
    [0x05, { undo: powerpc, alignment: 4 }],
    [0x06, { undo: ia64, alignment: 16 }],
    [0x07, { undo: arm, alignment: 4 }],
    [0x08, { undo: armThumb, alignment: 2 }],
    [0x09, { undo: sparc, alignment: 4 }],
    [0x0a, { undo: arm64, alignment: 4 }],
  ]);

/** No filter looks further ahead than this many bytes: what lies before them is final. */
export const lookahead = 16;

/**
 * x86: opcodes E8 (call) and E9 (jump), with a 32-bit operand whose highest byte is 00 or FF. Such bytes turn up
 * inside other operands as well; what decides is which of them were passed over within the last three bytes.
 */
function x86(bytes: Buffer, start: number): void {
  // bit n: the byte n + 1 before this one looked like an opcode and was passed over
  let passed = 0;
  for (let i = 0; i + 5 <= bytes.length; i++) {
    const opcode = ((bytes[i] ?? 0) & 0xfe) === 0xe8;
    if (opcode && x86Operand(bytes, start, i, passed)) {
      passed = 0;
      i += 4;
    } else {
      passed = ((passed << 1) | (opcode ? 1 : 0)) & 7;
    }
  }
}

/** Converts the operand of the opcode at `i`, unless it is not one. @returns whether it did */
function x86Operand(bytes: Buffer, start: number, i: number, passed: number): boolean {
  if (!isSignByte(bytes[i + 4] ?? 0)) return false;
  // the farthest one passed over: if it was an opcode after all, its operand ends at this byte of ours
  const back = 32 - Math.clz32(passed);
  const several = (passed & (passed - 1)) !== 0;
  if (several || (back > 0 && isSignByte(bytes[i + 4 - back] ?? 0))) return false;
  const next = start + i + 5;
  let target = bytes.readInt32LE(i + 1) - next;
  if (back > 0 && isSignByte((target >>> (24 - 8 * back)) & 0xff)) {
    // a conversion that would look like that operand's end was marked by inverting the bits below
    target = (target ^ ((1 << (32 - 8 * back)) - 1)) - next;
  }
  // 25 bits, sign extended
  bytes.writeInt32LE((target << 7) >> 7, i + 1);
  return true;
}

function isSignByte(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}

/** PowerPC: `bl` with a relative target, big-endian. */
function powerpc(bytes: Buffer, start: number): void {
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    const instruction = bytes.readUInt32BE(i);
    if ((instruction & 0xfc000003) >>> 0 !== 0x48000001) continue;
    const target = instruction - (start + i);
    bytes.writeUInt32BE((0x48000001 | (target & 0x03fffffc)) >>> 0, i);
  }
}

/** ARM: `BL`, always executed, with a 24-bit count of words; relative to two instructions ahead. */
function arm(bytes: Buffer, start: number): void {
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    if (bytes[i + 3] !== 0xeb) continue;
    const target = bytes.readUIntLE(i, 3) - ((start + i + 8) >>> 2);
    bytes.writeUIntLE(target & 0xffffff, i, 3);
  }
}

/** ARM Thumb: `BL`, a pair of half-words with 11 bits of the target each, in half-words. */
function armThumb(bytes: Buffer, start: number): void {
  for (let i = 0; i + 4 <= bytes.length; i += 2) {
    const high = bytes.readUInt16LE(i);
    const low = bytes.readUInt16LE(i + 2);
    if ((high & 0xf800) !== 0xf000 || (low & 0xf800) !== 0xf800) continue;
    const target = (((high & 0x7ff) << 11) | (low & 0x7ff)) - ((start + i + 4) >>> 1);
    bytes.writeUInt16LE(0xf000 | ((target >>> 11) & 0x7ff), i);
    bytes.writeUInt16LE(0xf800 | (target & 0x7ff), i + 2);
    i += 2;
  }
}

/** SPARC: `call` whose target is within 2^23 words, big-endian. */
function sparc(bytes: Buffer, start: number): void {
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    const instruction = bytes.readUInt32BE(i);
    // the opcode 01, then eight equal bits: a sign extension
    const top = instruction >>> 22;
    if (top !== 0x100 && top !== 0x1ff) continue;
    const target = instruction - ((start + i) >>> 2);
    // 23 bits, sign extended to the 30 of the instruction
    bytes.writeUInt32BE((0x40000000 | (((target << 9) >> 9) & 0x3fffffff)) >>> 0, i);
  }
}

/** ARM64: `BL` (26-bit count of words), and `ADRP` (21-bit count of pages) as far as it stays within ±512 MiB. */
function arm64(bytes: Buffer, start: number): void {
  for (let i = 0; i + 4 <= bytes.length; i += 4) {
    const instruction = bytes.readUInt32LE(i);
    const address = start + i;
    if (instruction >>> 26 === 0x25) {
      const target = instruction - (address >>> 2);
      bytes.writeUInt32LE((0x94000000 | (target & 0x03ffffff)) >>> 0, i);
    } else if ((instruction & 0x9f000000) >>> 0 === 0x90000000) {
      const page = ((instruction >>> 29) & 3) | ((instruction >>> 3) & 0x1ffffc);
      if (((page + 0x20000) & 0x1c0000) !== 0) continue;
      const target = page - (address >>> 12);
      const signBits = (target & 0x20000) === 0 ? 0 : 0xe00000;
      const converted =
        (instruction & 0x9000001f) | ((target & 3) << 29) | ((target & 0x3fffc) << 3) | signBits;
      bytes.writeUInt32LE(converted >>> 0, i);
    }
  }
}

/** IA-64: which of a bundle's three slots hold a branch unit's instruction, by the bundle's template. */
const ia64BranchSlots = [
  ...Array.from({ length: 16 }, () => 0),
  ...[0b100, 0b100, 0b110, 0b110, 0, 0, 0b111, 0b111],
  ...[0b100, 0b100, 0, 0, 0b100, 0b100, 0, 0],
];

/** IA-64: `br.call` relative to its bundle, with 21 bits of target (20 and a sign) in bundles. */
function ia64(bytes: Buffer, start: number): void {
  for (let i = 0; i + 16 <= bytes.length; i += 16) {
    const slots = ia64BranchSlots[(bytes[i] ?? 0) & 0x1f] ?? 0;
    for (let slot = 0; slot < 3; slot++) {
      if (((slots >>> slot) & 1) === 1) ia64Slot(bytes, start, i, slot);
    }
  }
}

function ia64Slot(bytes: Buffer, start: number, bundle: number, slot: number): void {
  // a template of 5 bits, then three instructions of 41: at most 48 bits from the byte where one starts
  const bit = 5 + slot * 41;
  const at = bundle + (bit >>> 3);
  const shift = BigInt(bit & 7);
  const word = BigInt(bytes.readUIntLE(at, 6));
  const instruction = word >> shift;
  const isCall = ((instruction >> 37n) & 0xfn) === 5n && ((instruction >> 9n) & 7n) === 0n;
  if (!isCall) return;
  const from = Number((instruction >> 13n) & 0xfffffn) | (Number((instruction >> 36n) & 1n) << 20);
  const target = BigInt((from - ((start + bundle) >>> 4)) & 0x1fffff);
  const fields = (0xfffffn << 13n) | (1n << 36n);
  const converted = (instruction & ~fields) | ((target & 0xfffffn) << 13n) | ((target >> 20n) << 36n);
  const below = word & ((1n << shift) - 1n);
  bytes.writeUIntLE(Number(((converted << shift) | below) & 0xffff_ffff_ffffn), at, 6);
}
