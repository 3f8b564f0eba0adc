/** What the drop-ins say differently to older and newer service managers. */
import { formatPolicy, unionPolicies } from '../disk/image-policy.ts';
import type { PortableContext } from './context.ts';
import type { Stack } from './layers.ts';

export interface ManagerSettings {
  /** For RootImagePolicy=: pins the image to what was found in it. Undefined where that cannot be said. */
  readonly rootPolicy: string | undefined;
  /** For ExtensionImagePolicy=: a policy that all extension images fulfil. */
  readonly extensionPolicy: string | undefined;
  /** The host's os-release must be bound to where portable services look for it; newer managers do that by themselves. */
  readonly bindHostOsRelease: boolean;
  /** An unprivileged manager must be told to use a user namespace; newer ones do that by themselves. */
  readonly privateUsers: boolean;
}

/** The first version that binds /run/host/os-release into every service with an image. */
const bindsByItself = 254;

/** A version of the user's manager that makes the user namespace which a root directory takes; 252 does not. */
const namespacesByItself = 257;

/** What the running service manager understands and needs (image policies: disk/image-policy.ts). */
export async function managerSettings(
  { manager, paths }: Pick<PortableContext, 'manager' | 'paths'>,
  stack: Stack,
): Promise<ManagerSettings> {
  const version = await manager.version();
  const extensions = stack.extensions.flatMap((layer) => layer.policy ?? []);
  return {
    rootPolicy: stack.root.policy === undefined ? undefined : formatPolicy(stack.root.policy, version),
    extensionPolicy: extensions.length === 0 ? undefined : formatPolicy(unionPolicies(extensions), version),
    bindHostOsRelease: version !== undefined && version < bindsByItself,
    privateUsers: paths.scope === 'user' && version !== undefined && version < namespacesByItself,
  };
}
