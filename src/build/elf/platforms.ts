/** What directory names depend on: ld.so(8), sections "Dynamic string tokens" and "Default directories". */
import type { ElfKind } from './elf-file.ts';

interface Platform {
  /** The directory below lib of Debian's multiarch. */
  readonly triplet: string;
  /** $PLATFORM. */
  readonly platform: string;
}

/** By e_machine, width and byte order: "62-64-le". */
const platforms: Readonly<Record<string, Platform>> = {
  '62-64-le': { triplet: 'x86_64-linux-gnu', platform: 'x86_64' },
  '62-32-le': { triplet: 'x86_64-linux-gnux32', platform: 'x86_64' },
  '3-32-le': { triplet: 'i386-linux-gnu', platform: 'i686' },
  '183-64-le': { triplet: 'aarch64-linux-gnu', platform: 'aarch64' },
  '40-32-le': { triplet: 'arm-linux-gnueabihf', platform: 'v7l' },
  '243-64-le': { triplet: 'riscv64-linux-gnu', platform: 'riscv64' },
  '22-64-be': { triplet: 's390x-linux-gnu', platform: 's390x' },
  '21-64-le': { triplet: 'powerpc64le-linux-gnu', platform: 'power8' },
  '258-64-le': { triplet: 'loongarch64-linux-gnu', platform: 'loongarch64' },
  '8-64-le': { triplet: 'mips64el-linux-gnuabi64', platform: 'mips' },
};

function platformOf({ machine, bits, littleEndian }: ElfKind): Platform | undefined {
  return platforms[`${machine}-${bits}-${littleEndian ? 'le' : 'be'}`];
}

/** Where a loader of this kind looks when nothing else says where. */
export function defaultDirectories(kind: ElfKind): readonly string[] {
  const triplet = platformOf(kind)?.triplet;
  const multiarch = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  const wide = kind.bits === 64 ? ['/lib64', '/usr/lib64'] : ['/lib32', '/usr/lib32'];
  return [...multiarch, ...wide, '/lib', '/usr/lib'];
}

/**
 * A directory of a RUNPATH or RPATH with its tokens replaced; several where $LIB is not the same on all systems.
 * @param origin the directory that the object itself is in
 */
export function expandTokens(directory: string, origin: string, kind: ElfKind): readonly string[] {
  const { triplet, platform } = platformOf(kind) ?? {};
  const token = (name: string): RegExp => new RegExp(`\\$(?:${name}(?![A-Za-z0-9_])|\\{${name}\\})`, 'g');
  const fixed = directory.replace(token('ORIGIN'), origin).replace(token('PLATFORM'), platform ?? '');
  if (!token('LIB').test(fixed)) return [fixed];
  const names = [
    kind.bits === 64 ? 'lib64' : 'lib',
    'lib',
    ...(triplet === undefined ? [] : [`lib/${triplet}`]),
  ];
  return [...new Set(names)].map((name) => fixed.replace(token('LIB'), name));
}

/** Whether a directory's place depends on where the object is. */
export function hasOrigin(directory: string): boolean {
  return /\$(?:ORIGIN(?![A-Za-z0-9_])|\{ORIGIN\})/.test(directory);
}
