/** Debian packages with their dependencies, into the tree. */
import { quoted } from '../../base/errors.ts';
import type { Importer } from '../importer.ts';
import type { DebianPackage, Dpkg } from './dpkg.ts';

/** What packages depend on to get installed, and nothing needs that runs. Asked for by name they are taken. */
const forInstalling = new Set([
  ...['adduser', 'cdebconf', 'debconf', 'debconf-2.0', 'dpkg', 'init-system-helpers', 'lsb-base'],
  ...['systemd-sysusers', 'systemd-standalone-sysusers', 'systemd', 'sysvinit-utils', 'ucf', 'update-inetd'],
]);

/** What people and compilers read; licences stay, as most of them demand. */
const documentation = [
  /^\/usr\/share\/doc\/[^/]+\/(?!copyright$)/,
  /^\/usr\/include(\/|$)/,
  /^\/usr\/share\/(man|info|lintian|bug|doc-base|menu|locale|bash-completion|zsh\/vendor-completions)(\/|$)/,
];

/**
 * Files of packages that are there, or are about to be, and all that these depend on.
 * @returns every package taken, once
 */
export function addPackages(
  importer: Importer,
  dpkg: Dpkg,
  wanted: readonly DebianPackage[],
  withDocumentation: boolean,
): readonly DebianPackage[] {
  const taken = new Set<DebianPackage>();
  const pending = [...wanted];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (taken.has(next)) continue;
    taken.add(next);
    for (const group of next.depends) {
      if (group.some((name) => forInstalling.has(name))) continue;
      const dependency = dpkg.anyOf(group);
      if (dependency !== undefined) pending.push(dependency);
      else
        importer.warnings.push(
          `${quoted(next.name)} depends on ${group.join(' or ')}, which is not installed`,
        );
    }
  }
  for (const each of taken) {
    for (const path of dpkg.files(each)) {
      if (withDocumentation || !documentation.some((pattern) => pattern.test(path))) importer.entry(path);
    }
  }
  return [...taken];
}
