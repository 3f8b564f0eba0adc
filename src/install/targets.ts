/** The plan of an installation spelled out: every file and link with its content. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { fingerprintOfFile, fingerprintOfLink } from './manifest.ts';
import { fillIn, type InstallSettings, type Item } from './plan.ts';

/** A file or link that is to be there; the path as seen by the installed system. */
export interface Target {
  readonly path: string;
  readonly foreign: Item['foreign'];
  readonly fingerprint: string;
  readonly is:
    | { readonly kind: 'file'; readonly content: Buffer; readonly mode: number }
    | { readonly kind: 'link'; readonly target: string };
}

/** @throws Error when a source is missing, which "npm run build" makes */
export async function targetsOf(
  items: readonly Item[],
  settings: InstallSettings,
): Promise<readonly Target[]> {
  const targets = await Promise.all(items.map((item) => targetsOfItem(item, settings)));
  return targets.flat();
}

async function targetsOfItem(item: Item, settings: InstallSettings): Promise<readonly Target[]> {
  const { path, foreign } = item;
  switch (item.kind) {
    case 'link':
      return [
        {
          path,
          foreign,
          fingerprint: fingerprintOfLink(item.target),
          is: { kind: 'link', target: item.target },
        },
      ];
    case 'text':
      return [fileTarget(path, Buffer.from(item.text), item.mode, foreign)];
    case 'file': {
      const content = await readFile(item.source);
      const filled = item.fill ? Buffer.from(fillIn(content.toString(), settings)) : content;
      return [fileTarget(path, filled, item.mode, foreign)];
    }
    case 'directory': {
      const names = await readdir(item.source, { recursive: true });
      const targets = names.sort().map(async (name): Promise<readonly Target[]> => {
        const source = join(item.source, name);
        if ((await stat(source)).isDirectory()) return [];
        const content = await readFile(source);
        return [fileTarget(join(path, name), content, isProgram(content) ? 0o755 : 0o644, foreign)];
      });
      return (await Promise.all(targets)).flat();
    }
  }
}

/** Whether the kernel can run it: execve(2), "Interpreter scripts". */
function isProgram(content: Buffer): boolean {
  return content.subarray(0, 2).toString() === '#!';
}

function fileTarget(path: string, content: Buffer, mode: number, foreign: Item['foreign']): Target {
  return { path, foreign, fingerprint: fingerprintOfFile(content), is: { kind: 'file', content, mode } };
}
