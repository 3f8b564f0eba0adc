/** What the drop-ins say differently to older and newer service managers. */
import { PortableError, quoted } from '../base/errors.ts';
import { formatPolicy, unionPolicies } from '../disk/image-policy.ts';
import { isTree } from '../images/image.ts';
import type { PortableContext } from './context.ts';
import type { ExtensionLayer, Stack } from './layers.ts';

export interface ManagerSettings {
  /** For RootImagePolicy=: pins the image to what was found in it. Undefined where that cannot be said. */
  readonly rootPolicy: string | undefined;
  /** For ExtensionImagePolicy=: a policy that all extension images fulfil. */
  readonly extensionPolicy: string | undefined;
  /** The host's os-release must be bound to where portable services look for it; newer managers do that by themselves. */
  readonly bindHostOsRelease: boolean;
  /** An unprivileged manager must be told to use a user namespace; newer ones do that by themselves. */
  readonly privateUsers: boolean;
  /** Extension images need not be told apart by a name that has their version in it. */
  readonly knowsVersionedNames: boolean;
}

/** The first version that binds /run/host/os-release into every service with an image. */
const bindsByItself = 254;
/** The first version whose services take configuration extensions (systemd NEWS). */
const takesConfexts = 255;
/** The first version, but for backports, that takes extension-release.app in app_1.raw (systemd pull request 31435). */
const takesVersionedNames = 256;

/** A version of the user's manager that makes the user namespace which a root directory takes; 252 does not. */
const namespacesByItself = 257;

/**
 * What the running service manager understands and needs (image policies: disk/image-policy.ts).
 * @throws PortableError NotSupported for an extension that it could never mount: the services would not start
 */
export async function managerSettings(
  { manager, paths }: Pick<PortableContext, 'manager' | 'paths'>,
  stack: Stack,
): Promise<ManagerSettings> {
  const version = await manager.version();
  if (version !== undefined) {
    for (const layer of stack.extensions) checkMountable(layer, version);
  }
  const extensions = stack.extensions.flatMap((layer) => layer.policy ?? []);
  return {
    rootPolicy: stack.root.policy === undefined ? undefined : formatPolicy(stack.root.policy, version),
    extensionPolicy: extensions.length === 0 ? undefined : formatPolicy(unionPolicies(extensions), version),
    bindHostOsRelease: version !== undefined && version < bindsByItself,
    privateUsers: paths.scope === 'user' && version !== undefined && version < namespacesByItself,
    knowsVersionedNames: version === undefined || version >= takesVersionedNames,
  };
}

function checkMountable({ image, extension }: ExtensionLayer, version: number): void {
  if (version >= takesConfexts) return;
  const refuse = (what: string, hint: string): never => {
    throw new PortableError(
      'NotSupported',
      `the service manager is that of systemd ${version}, and cannot mount ${quoted(image.path)}: ${what}`,
      { file: image.path, hint },
    );
  };
  if (extension.class === 'confext') {
    refuse('it is a configuration extension', `that takes systemd ${takesConfexts} or later`);
  }
  if (isTree(image.type) && extension.named === 'without version') {
    refuse(
      `${extension.path} is not named after it`,
      `name the file after the directory, version included; without takes systemd ${takesVersionedNames} or later`,
    );
  }
}
