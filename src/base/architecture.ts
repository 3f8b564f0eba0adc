/** Architecture names as systemd spells them (systemd.unit(5), ConditionArchitecture=). */

/** Node's names (process.arch) → systemd's. */
const ofNode: Readonly<Record<string, string>> = {
  x64: 'x86-64',
  ia32: 'x86',
  arm64: 'arm64',
  arm: 'arm',
  riscv64: 'riscv64',
  s390x: 's390x',
  ppc64: 'ppc64-le',
  loong64: 'loongarch64',
  mips64el: 'mips64-le',
  mipsel: 'mips-le',
};

const known = new Set([
  ...Object.values(ofNode),
  ...[
    'ppc64',
    'ppc',
    'ppc-le',
    'ia64',
    'parisc',
    'parisc64',
    's390',
    'sparc',
    'sparc64',
    'mips',
    'mips64',
    'alpha',
  ],
  ...['arm-be', 'arm64-be', 'sh', 'sh64', 'm68k', 'tilegx', 'cris', 'arc', 'arc-be', 'riscv32'],
]);

/** The architecture of this machine. */
export const hostArchitecture: string = ofNode[process.arch] ?? process.arch;

/** Whether `name` is the name of an architecture at all. */
export function isArchitecture(name: string): boolean {
  return known.has(name);
}
