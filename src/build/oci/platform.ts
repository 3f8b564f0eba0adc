/** Platforms of container images: OCI Image Format Specification, image-index.md, "platform". */
import { PortableError, quoted } from '../../base/errors.ts';

export interface Platform {
  readonly os: string;
  /** As Go names it: "amd64". */
  readonly architecture: string;
  /** "v7" of arm; undefined where it does not matter. */
  readonly variant: string | undefined;
}

/** Go's names (GOARCH, and "variant" for arm) ↔ systemd's. */
const architectures: readonly (readonly [go: string, systemd: string])[] = [
  ['amd64', 'x86-64'],
  ['386', 'x86'],
  ['arm64', 'arm64'],
  ['arm', 'arm'],
  ['riscv64', 'riscv64'],
  ['s390x', 's390x'],
  ['ppc64le', 'ppc64-le'],
  ['ppc64', 'ppc64'],
  ['loong64', 'loongarch64'],
  ['mips64le', 'mips64-le'],
  ['mipsle', 'mips-le'],
  ['mips64', 'mips64'],
  ['mips', 'mips'],
];

/** The platform of a machine. @param architecture as systemd names it */
export function platformOf(architecture: string): Platform {
  const go = architectures.find(([, systemd]) => systemd === architecture)?.[0] ?? architecture;
  return { os: 'linux', architecture: go, variant: undefined };
}

/** What systemd calls the architecture of a platform. */
export function systemdArchitecture({ architecture }: Platform): string {
  return architectures.find(([go]) => go === architecture)?.[1] ?? architecture;
}

/**
 * "linux/amd64", "linux/arm/v7", or "arm64" alone.
 * @throws PortableError InvalidArgs
 */
export function parsePlatform(text: string): Platform {
  const match = /^(?:(?<os>[a-z0-9]+)\/)?(?<architecture>[a-z0-9]+)(?:\/(?<variant>[a-z0-9]+))?$/.exec(text);
  const { os = 'linux', architecture = '', variant } = match?.groups ?? {};
  if (match === null || os !== 'linux' || !architectures.some(([go]) => go === architecture)) {
    throw new PortableError(
      'InvalidArgs',
      `${quoted(text)} is no platform that a portable service can be for`,
      {
        hint: `write linux/ARCHITECTURE, one of ${architectures.map(([go]) => go).join(', ')}`,
      },
    );
  }
  return { os, architecture, variant };
}

/** As parsePlatform reads it. */
export function formatPlatform({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter((part) => part !== undefined).join('/');
}

/** Whether what an image is for will do; variants count only where both say one. */
export function fits(offered: Platform, wanted: Platform): boolean {
  return (
    offered.os === wanted.os &&
    offered.architecture === wanted.architecture &&
    (offered.variant === undefined || wanted.variant === undefined || offered.variant === wanted.variant)
  );
}
