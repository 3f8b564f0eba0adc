/** Every key of portabled.conf: where it stands, what it means, its default and how it is read. One table. */
import { defaultLimits, type Limits } from '../../disk/budget.ts';
import type { LogLevel } from '../log/levels.ts';
import type { LogTarget } from '../log/targets.ts';
import {
  formatSize,
  parseCount,
  parseLevel,
  parseSize,
  parseSpan,
  parseSpanOrInfinity,
  parseTarget,
} from './values.ts';

/** What the configuration files decide. */
export interface Config {
  readonly logLevel: LogLevel;
  readonly logTarget: LogTarget;
  /** Milliseconds without calls, operations or pending questions until the daemon exits; Infinity: never. */
  readonly idleTimeoutMs: number;
  readonly limits: Limits;
}

export const defaultConfig: Config = {
  logLevel: 'info',
  logTarget: 'auto',
  idleTimeoutMs: 30_000,
  limits: defaultLimits,
};

export interface Option {
  readonly section: string;
  readonly key: string;
  /** The default, as it would be written. */
  readonly byDefault: string;
  /** One sentence for the documented example file. */
  readonly meaning: string;
  /**
   * The configuration with this key set.
   * @throws BadValue
   */
  readonly apply: (config: Config, text: string) => Config;
}

export const options: readonly Option[] = [
  {
    section: 'Portabled',
    key: 'LogLevel',
    byDefault: defaultConfig.logLevel,
    meaning:
      'Least important messages that are logged: emerg, alert, crit, err, warning, notice, info or debug.',
    apply: (config, text) => ({ ...config, logLevel: parseLevel(text) }),
  },
  {
    section: 'Portabled',
    key: 'LogTarget',
    byDefault: defaultConfig.logTarget,
    meaning: 'Where messages go: auto, journal, console, console-prefixed, json or null.',
    apply: (config, text) => ({ ...config, logTarget: parseTarget(text) }),
  },
  {
    section: 'Portabled',
    key: 'IdleTimeoutSec',
    byDefault: seconds(defaultConfig.idleTimeoutMs),
    meaning:
      'Time without calls, operations and pending questions after which the daemon exits; infinity: never.',
    apply: (config, text) => ({ ...config, idleTimeoutMs: parseSpanOrInfinity(text, 100) }),
  },
  sizeLimit('UnitFileSize', 'unitFileBytes', 'Bytes of one unit file.', '64M'),
  sizeLimit('OSReleaseSize', 'osReleaseBytes', 'Bytes of os-release or of one extension-release.', '16M'),
  countLimit('UnitFiles', 'unitFiles', 'Unit files looked at in one image.', 1_000_000),
  countLimit(
    'DirectoryEntries',
    'directoryEntries',
    'Directory entries read in one inspection.',
    100_000_000,
  ),
  countLimit('PathDepth', 'pathDepth', 'Components of a path, links resolved.', 4096),
  countLimit('SymlinkHops', 'symlinkHops', 'Symbolic links followed on one path.', 1000),
  sizeLimit('BlockSize', 'blockBytes', 'Bytes that one compressed block may expand to.', '64M'),
  countLimit('MetadataBlocks', 'metadataBlocks', 'Metadata blocks read in one inspection.', 100_000_000),
  {
    section: 'Limits',
    key: 'InspectionTimeSec',
    byDefault: seconds(defaultLimits.wallTimeMs),
    meaning: 'Time one inspection may take.',
    apply: (config, text) => withLimit(config, 'wallTimeMs', parseSpan(text, 100)),
  },
];

function sizeLimit(key: string, limit: keyof Limits, meaning: string, max: string): Option {
  const most = parseSize(max, 0, Infinity);
  return {
    section: 'Limits',
    key,
    byDefault: formatSize(defaultLimits[limit]),
    meaning,
    apply: (config, text) => withLimit(config, limit, parseSize(text, 1, most)),
  };
}

function countLimit(key: string, limit: keyof Limits, meaning: string, max: number): Option {
  return {
    section: 'Limits',
    key,
    byDefault: String(defaultLimits[limit]),
    meaning,
    apply: (config, text) => withLimit(config, limit, parseCount(text, 1, max)),
  };
}

function withLimit(config: Config, limit: keyof Limits, value: number): Config {
  return { ...config, limits: { ...config.limits, [limit]: value } };
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
