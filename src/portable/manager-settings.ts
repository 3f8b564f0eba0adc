/** Image policies for the drop-ins, as far as the running service manager understands them (disk/image-policy.ts). */
import { formatPolicy, unionPolicies } from '../disk/image-policy.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import type { Stack } from './layers.ts';

interface Policies {
  /** For RootImagePolicy=. */
  readonly rootPolicy: string | undefined;
  /** For ExtensionImagePolicy=: one that all of them fulfil. */
  readonly extensionPolicy: string | undefined;
}

/** The policies that pin the disk images of a stack to what was found in them; undefined where nothing can be pinned. */
export async function stackPolicies(manager: ServiceManager, stack: Stack): Promise<Policies> {
  const root = stack.root.policy;
  const extensions = stack.extensions.flatMap((layer) => layer.policy ?? []);
  if (root === undefined && extensions.length === 0)
    return { rootPolicy: undefined, extensionPolicy: undefined };
  const version = await manager.version();
  return {
    rootPolicy: root === undefined ? undefined : formatPolicy(root, version),
    extensionPolicy: extensions.length === 0 ? undefined : formatPolicy(unionPolicies(extensions), version),
  };
}
