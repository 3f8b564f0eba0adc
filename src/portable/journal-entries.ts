/** The structured log entries about attaching and detaching (systemd.journal-fields(7); message ids as systemd's). */
import path from 'node:path';
import type { Log } from '../base/log.ts';

const messageIds = {
  attached: '187c62eb1e7f463bb530394f52cb090f',
  detached: '76c5c754d628490d8ecba4c9d042112b',
} as const;

export type Announced = keyof typeof messageIds;

/** Logs that an image (the first) and its extensions were attached or detached. */
export function announce(log: Log, done: Announced, images: readonly { readonly path: string }[]): void {
  const [root, ...extensions] = images.map((image) => path.basename(image.path));
  if (root === undefined) return;
  const layers = extensions.length === 0 ? '' : ` with ${extensions.join(', ')}`;
  log.info(`${done} ${root}${layers}`, {
    MESSAGE_ID: messageIds[done],
    PORTABLE_ROOT: root,
    ...(extensions.length === 0 ? {} : { PORTABLE_EXTENSION: extensions }),
  });
}
