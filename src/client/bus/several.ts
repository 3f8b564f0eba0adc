/** Several images at once, however that is done: all are changed, or none. Everything fails as a CommandError. */
import type { AttachRequest, Change, DetachRequest, ReattachResult } from '../../portable/requests.ts';
import type { Copying } from '../copy-bar.ts';

/** What became of each image, in the order of the requests. */
export interface Several {
  attach(requests: readonly AttachRequest[], copying: Copying): Promise<readonly (readonly Change[])[]>;
  detach(requests: readonly DetachRequest[]): Promise<readonly (readonly Change[])[]>;
  reattach(requests: readonly AttachRequest[], copying: Copying): Promise<readonly ReattachResult[]>;
}
