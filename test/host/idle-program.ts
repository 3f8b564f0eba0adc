/**
 * A program for images that have no operating system in them: waits for a signal, for ever. The smallest ELF file that
 * does so, made here because an image with a libc in it would be a thousand times as large. elf(5).
 */

/** Machine code that waits in the kernel until a signal ends the process, and the ELF number of its architecture. */
const machines: Partial<Record<NodeJS.Architecture, { readonly number: number; readonly code: number[] }>> = {
  // mov eax, 34 (pause); syscall; jmp to the start
  x64: { number: 62, code: [0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7] },
  // mov x0..x3, #0; mov x8, #73 (ppoll); svc #0; b to the start
  arm64: {
    number: 183,
    code: [
      ...[0x00, 0x00, 0x80, 0xd2, 0x01, 0x00, 0x80, 0xd2, 0x02, 0x00, 0x80, 0xd2, 0x03, 0x00, 0x80, 0xd2],
      ...[0x28, 0x09, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4, 0xfa, 0xff, 0xff, 0x17],
    ],
  },
};

const fileHeaderSize = 64;
const programHeaderSize = 56;
const loadAddress = 0x400000;

/** The bytes of the program, for the machine this runs on. */
export function idleProgram(): Buffer {
  const machine = machines[process.arch];
  if (machine === undefined) throw new Error(`no idle program for ${process.arch}`);
  const headers = fileHeaderSize + programHeaderSize;
  const size = headers + machine.code.length;
  const file = Buffer.alloc(size);
  // class 64-bit, little endian, version 1; then type executable, machine, version, entry, program header offset
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(machine.number, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(loadAddress + headers), 24);
  file.writeBigUInt64LE(BigInt(fileHeaderSize), 32);
  file.writeUInt16LE(fileHeaderSize, 52);
  file.writeUInt16LE(programHeaderSize, 54);
  file.writeUInt16LE(1, 56);
  // one loadable segment, readable and executable: the whole file
  const segment = file.subarray(fileHeaderSize);
  segment.writeUInt32LE(1, 0);
  segment.writeUInt32LE(5, 4);
  segment.writeBigUInt64LE(BigInt(loadAddress), 16);
  segment.writeBigUInt64LE(BigInt(loadAddress), 24);
  segment.writeBigUInt64LE(BigInt(size), 32);
  segment.writeBigUInt64LE(BigInt(size), 40);
  segment.writeBigUInt64LE(4096n, 48);
  file.set(machine.code, headers);
  return file;
}
