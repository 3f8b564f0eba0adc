/** Which units of a stack may be attached: prefixes, scope, identity (spec "Attaching", Which units). */
import { PortableError, quoted } from '../base/errors.ts';
import type { Scope } from '../base/host-paths.ts';
import type { Stack } from './layers.ts';
import { matchesAny } from './unit-name.ts';

/**
 * The units of `stack` to attach.
 * @param matches the prefixes asked for; empty = every unit that the image allows
 * @throws PortableError InvalidArgs (prefix not allowed, wrong scope), Stale (no ID), NoMatchingUnitFiles
 */
export function selectUnits(stack: Stack, matches: readonly string[], scope: Scope): Stack['units'] {
  const { root } = stack;
  if ((root.fields.get('ID') ?? '') === '') {
    throw new PortableError('Stale', `${quoted(root.image.path)} has no ID= in its os-release`, {
      file: root.image.path,
      hint: 'an image must say what it is before its units can be attached',
    });
  }
  checkScope(stack, scope);
  const allowed = allowedPrefixes(stack);
  checkMatches(stack, matches, allowed);
  const prefixes = matches.length > 0 ? matches : allowed;
  const units = new Map([...stack.units].filter(([name]) => matchesAny(name, prefixes)));
  if (units.size === 0) throw noMatchingUnits(stack, prefixes);
  return units;
}

/** The error for an image none of whose units match. */
export function noMatchingUnits(stack: Stack, prefixes: readonly string[]): PortableError {
  const what =
    prefixes.length === 0 ? 'no unit files' : `no unit files that match ${prefixes.map(quoted).join(', ')}`;
  return new PortableError('NoMatchingUnitFiles', `${describeImages(stack)} has ${what}`, {
    file: stack.root.image.path,
    hint: 'units are .service, .socket, .target, .timer and .path files in /usr/lib/systemd/system or /etc/systemd/system',
  });
}

/** PORTABLE_PREFIXES of all layers; empty when none is stated. */
function allowedPrefixes(stack: Stack): readonly string[] {
  const stated = [stack.root, ...stack.extensions].flatMap((layer) =>
    (layer.fields.get('PORTABLE_PREFIXES') ?? '').split(/\s+/),
  );
  return [...new Set(stated)].filter((prefix) => prefix !== '').sort();
}

function checkMatches(stack: Stack, matches: readonly string[], allowed: readonly string[]): void {
  if (allowed.length === 0) return;
  const refused = matches.filter((match) => !allowed.includes(match));
  if (refused.length === 0) return;
  throw new PortableError(
    'InvalidArgs',
    `${describeImages(stack)} does not allow the prefix ${refused.map(quoted).join(', ')}`,
    { file: stack.root.image.path, hint: `acceptable prefixes are: ${allowed.join(', ')}` },
  );
}

/** Only the image itself says whom it is for: what extensions say of it does not count (os-release(5)). */
function checkScope({ root }: Stack, scope: Scope): void {
  const stated = root.fields.get('PORTABLE_SCOPE') ?? '';
  const wanted = stated === '' ? 'system' : stated;
  if (wanted === 'any' || wanted === scope) return;
  throw new PortableError(
    'InvalidArgs',
    `${quoted(root.image.path)} is for PORTABLE_SCOPE=${quoted(wanted)}`,
    {
      file: root.image.path,
      hint: wanted === 'user' ? 'attach it with --user' : 'it cannot be attached in this scope',
    },
  );
}

function describeImages(stack: Stack): string {
  const extensions = stack.extensions.map((layer) => quoted(layer.image.path));
  const image = quoted(stack.root.image.path);
  return extensions.length === 0 ? image : `${image} (with ${extensions.join(', ')})`;
}
