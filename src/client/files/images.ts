/** The images of a host as its files tell of them: what the daemon does for others, done here. */
import { splitChanges } from '../../portable/changes.ts';
import type { Portables } from '../../portable/portables.ts';
import type { Settings } from '../command-line/settings.ts';
import type { WatchCopies } from '../copy-bar.ts';
import type { Images, LinkChange } from '../services.ts';
import type { Change } from '../../portable/requests.ts';

/** All images of a command are changed in one transaction, together with the links that enable their units. */
export function imagesInFiles(portables: Portables, { dryRun }: Settings, watchCopies: WatchCopies): Images {
  return {
    list: async () =>
      (await portables.listImages()).map(({ image, facts, state }) => {
        const { readOnly, creationTime: created, modificationTime: modified, usage } = facts;
        return { name: image.name, type: image.type, readOnly, created, modified, usage, state };
      }),
    inspect: (request) => portables.inspect(request),
    state: (ref) => portables.state(ref),
    profiles: () => portables.profiles(),
    attach: async (requests) => {
      const { images, links } = await watchCopies((copying) =>
        portables.attachAll(requests, { dryRun, copying }),
      );
      return { images, links: linkChanges(links) };
    },
    detach: async (requests) => {
      const { images, links } = await portables.detachAll(requests, { dryRun });
      return { images, links: linkChanges(links) };
    },
    reattach: async (requests) => {
      const { images, links } = await watchCopies((copying) =>
        portables.reattachAll(requests, { dryRun, copying }),
      );
      return { images: images.map(splitChanges), links: linkChanges(links) };
    },
    markReadOnly: (image, readOnly) => portables.markReadOnly(image, readOnly),
    remove: (image) => portables.remove(image),
    setImageLimit: (image, bytes) => portables.setImageLimit(image, bytes),
    setPoolLimit: (bytes) => portables.setPoolLimit(bytes),
  };
}

function linkChanges(changes: readonly Change[]): readonly LinkChange[] {
  return changes.flatMap(({ type, path, source }) =>
    type === 'symlink' || type === 'unlink' ? [{ type, path, source }] : [],
  );
}
