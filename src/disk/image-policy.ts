/**
 * Image policies (systemd.image-policy(7)) that pin what dissecting an image found, so that the service manager
 * refuses an image that was swapped for a weaker one later.
 */
import { type Designator, designators } from './partition/discoverable.ts';

/** How the bytes of a partition are protected. */
export type Protection = 'unprotected' | 'verity' | 'signed' | 'encrypted';

/** What a policy says about a partition. */
export interface PolicyFacts {
  readonly designator: Designator;
  readonly protection: Protection;
  /** As blkid names it; undefined when it is not known, or there is none. */
  readonly fileSystem: string | undefined;
  /**
   * The flags of the partition table's entry, as stored: that is what service managers check. (systemd-portabled
   * 262 writes what follows from them and from the file system, and services with its policy do not start from a
   * squashfs whose partition has no read-only flag.) Undefined for an image that is one file system.
   */
  readonly flags: { readonly readOnly: boolean; readonly growFileSystem: boolean } | undefined;
}

type Use = Protection | 'unused' | 'absent';

/** What is allowed of one partition. */
interface Rule {
  /** Alternatives. */
  readonly use: ReadonlySet<Use>;
  /** States the flag may have; empty = any. */
  readonly readOnly: ReadonlySet<boolean>;
  readonly growFileSystem: ReadonlySet<boolean>;
  /** File systems it may hold; empty = any. */
  readonly fileSystems: ReadonlySet<string>;
}

/** Partition → rule; what is not listed must be absent. */
export type ImagePolicy = ReadonlyMap<Designator, Rule>;

/**
 * The file systems that policies can name: all that service managers mount of their own accord, unless the
 * administrator says otherwise ($SYSTEMD_DISSECT_FILE_SYSTEMS).
 */
export const namedFileSystems = ['btrfs', 'erofs', 'ext4', 'f2fs', 'squashfs', 'vfat', 'xfs'] as const;

/** Protections and other uses in the order in which systemd writes them. */
const useOrder: readonly Use[] = ['verity', 'signed', 'encrypted', 'unprotected', 'unused', 'absent'];

/** Exactly the partitions given, as they are; all others absent. */
export function pinningPolicy(partitions: Iterable<PolicyFacts>): ImagePolicy {
  return new Map(
    Array.from(partitions, ({ designator, protection, fileSystem, flags }): [Designator, Rule] => [
      designator,
      {
        use: new Set([protection]),
        readOnly: new Set(flags === undefined ? [] : [flags.readOnly]),
        growFileSystem: new Set(flags === undefined ? [] : [flags.growFileSystem]),
        fileSystems: new Set(namedFileSystems.filter((name) => name === fileSystem)),
      },
    ]),
  );
}

/** What allows each image of several: extensions share one policy. */
export function unionPolicies(policies: readonly ImagePolicy[]): ImagePolicy {
  const union = new Map<Designator, Rule>();
  for (const designator of designators) {
    const rules = policies.flatMap((policy) => policy.get(designator) ?? []);
    if (rules.length === 0) continue;
    const everywhere = rules.length === policies.length;
    union.set(designator, {
      use: new Set([...rules.flatMap((rule) => [...rule.use]), ...(everywhere ? [] : (['absent'] as const))]),
      readOnly: alternatives(rules.map((rule) => rule.readOnly)),
      growFileSystem: alternatives(rules.map((rule) => rule.growFileSystem)),
      fileSystems: alternatives(rules.map((rule) => rule.fileSystems)),
    });
  }
  return union;
}

/** The union of sets of which an empty one means "any". */
function alternatives<T>(sets: readonly ReadonlySet<T>[]): ReadonlySet<T> {
  return sets.some((set) => set.size === 0) ? new Set() : new Set(sets.flatMap((set) => [...set]));
}

/**
 * The policy as a setting for a service manager: RootImagePolicy= and ExtensionImagePolicy= came with systemd 254,
 * file systems in policies with 260.
 *
 * @param managerVersion systemd's major version; undefined when no service manager answers
 * @returns undefined when it does not know image policies
 */
export function formatPolicy(policy: ImagePolicy, managerVersion: number | undefined): string | undefined {
  if (managerVersion === undefined || managerVersion < 254) return undefined;
  const rules = designators.flatMap((designator) => {
    const rule = policy.get(designator);
    return rule === undefined ? [] : [`${designator}=${formatRule(designator, rule, managerVersion >= 260)}`];
  });
  return [...rules, '=absent'].join(':');
}

function formatRule(designator: Designator, rule: Rule, withFileSystems: boolean): string {
  const state = [...formatFlag('read-only', rule.readOnly), ...formatFlag('growfs', rule.growFileSystem)];
  const fileSystems = withFileSystems ? namedFileSystems.filter((name) => rule.fileSystems.has(name)) : [];
  const use = useOrder.filter((each) => rule.use.has(each));
  const words = withFileSystems ? impliedUse(designator, use) : use;
  const flags = [...words, ...state, ...fileSystems];
  return (flags.length === 0 ? use : flags).join('+');
}

/**
 * systemd since 260 writes no use where there is no protection, which allows every use; a hash tree that only
 * some images of a union have gets every use that a hash tree can have.
 */
function impliedUse(designator: Designator, use: readonly Use[]): readonly Use[] {
  if (!use.includes('unprotected')) return use;
  const isHashTree = designator.includes('-verity');
  return isHashTree && use.includes('absent') ? ['unprotected', 'unused', 'absent'] : [];
}

/** Nothing when the flag may have either state. */
function formatFlag(name: string, states: ReadonlySet<boolean>): string[] {
  if (states.size !== 1) return [];
  return [`${name}-${states.has(true) ? 'on' : 'off'}`];
}
