/** Image policies for the drop-ins, as far as the running service manager understands them (image-policy.ts). */
import { formatImagePolicy, policyFor } from '../disk/image-policy.ts';
import type { ServiceManager } from '../host/service-manager.ts';
import type { Layer, Stack } from './layers.ts';

interface Policies {
  readonly rootPolicy: string | undefined;
  readonly extensionPolicy: string | undefined;
}
