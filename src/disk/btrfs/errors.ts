/** A btrfs image that is refused. */
import { fileSystemErrors } from '../file-system-errors.ts';

export const { corrupt, unsupported } = fileSystemErrors(
  'a',
  'btrfs',
  'make the image again without it, with other options of mkfs.btrfs, on one device',
);
