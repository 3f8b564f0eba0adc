/** Image policies for the drop-ins, as far as the running service manager understands them (image-policy.ts). */
import type { ServiceManager } from '../host/service-manager.ts';
import type { Stack } from './layers.ts';

interface Policies {
  readonly rootPolicy: string | undefined;
  readonly extensionPolicy: string | undefined;
}

/** TODO */
export function stackPolicies(_manager: ServiceManager, _stack: Stack): Promise<Policies> {
  return Promise.resolve({ rootPolicy: undefined, extensionPolicy: undefined });
}
