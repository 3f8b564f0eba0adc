/** What a container image says about how it is run: OCI Image Format Specification, config.md; Docker's is the same. */
import { PortableError, quoted } from '../../base/errors.ts';
import { parseDigest } from './digest.ts';
import type { Digest } from './digest.ts';
import { elements, field, names, optionalText, text } from './documents.ts';
import type { JsonValue } from './documents.ts';
import type { Platform } from './platform.ts';

export interface ContainerConfig {
  readonly platform: Platform;
  /** Digests of the layers, uncompressed, the lowest first. */
  readonly diffIds: readonly Digest[];
  /** "USER", "UID", or either with ":GROUP" or ":GID"; empty for root. */
  readonly user: string;
  /** "NAME=VALUE" each. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** Empty for "/". */
  readonly workingDir: string;
  /** Empty for SIGTERM. */
  readonly stopSignal: string;
  /** "PORT/PROTOCOL" or "PORT" each. */
  readonly exposedPorts: readonly string[];
  /** Directories that are to outlive the container. */
  readonly volumes: readonly string[];
}

/** @throws PortableError InvalidArgs naming the field that is not as it must be */
export function parseConfig(json: JsonValue): ContainerConfig {
  const settings = field(json, 'config');
  // an image that says nothing
  const config: JsonValue = settings.value === undefined ? { ...settings, value: {} } : settings;
  const words = (name: string): string[] => elements(field(config, name)).map(wordOf);
  return {
    platform: {
      os: text(field(json, 'os')),
      architecture: text(field(json, 'architecture')),
      variant: optionalText(field(json, 'variant')),
    },
    diffIds: elements(field(field(json, 'rootfs'), 'diff_ids')).map((id) => parseDigest(text(id), json.file)),
    user: optionalText(field(config, 'User')) ?? '',
    env: words('Env'),
    entrypoint: words('Entrypoint'),
    cmd: words('Cmd'),
    workingDir: optionalText(field(config, 'WorkingDir')) ?? '',
    stopSignal: optionalText(field(config, 'StopSignal')) ?? '',
    exposedPorts: names(field(config, 'ExposedPorts')),
    volumes: names(field(config, 'Volumes')),
  };
}

/** A string without NUL, which no program can be given. */
function wordOf(json: JsonValue): string {
  const word = text(json);
  if (!word.includes('\0')) return word;
  throw new PortableError('InvalidArgs', `${json.place} in ${quoted(json.file)} has a NUL character in it`, {
    file: json.file,
  });
}
