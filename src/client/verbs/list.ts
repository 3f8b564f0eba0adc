/** portablectl list */
import { formatJson, type Json } from '../../terminal/json.ts';
import { page } from '../../terminal/pager.ts';
import { formatSize } from '../../terminal/sizes.ts';
import { formatTable } from '../../terminal/table.ts';
import { timestampFormat } from '../../terminal/timestamps.ts';
import { unlimited, type ListedImage } from '../services.ts';
import type { Verb } from '../verb.ts';

const titles = ['NAME', 'TYPE', 'RO', 'CRTIME', 'MTIME', 'USAGE', 'STATE'];

export const list: Verb = async ({ settings, terminal, env, services }) => {
  const { stdout } = terminal;
  const images = [...(await services.images.list())].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (settings.json !== 'off') {
    await page(formatJson(images.map(toJson), settings.json), stdout, env, settings.pager);
    return 0;
  }
  const time = timestampFormat(env['TZ']);
  const rows = images.map((image) => rowOf(image, time));
  const { legend, pager } = settings;
  const table =
    images.length === 0
      ? ''
      : formatTable(
          titles.map((title) => ({ title })),
          rows,
          stdout,
          { legend },
        );
  await page(table + (legend ? footer(images.length) : ''), stdout, env, pager);
  return 0;
};

function rowOf(image: ListedImage, time: (microseconds: bigint) => string): readonly string[] {
  const when = (microseconds: bigint): string => (microseconds === 0n ? '-' : time(microseconds));
  return [
    image.name,
    image.type,
    image.readOnly ? 'yes' : 'no',
    when(image.created),
    when(image.modified),
    image.usage === unlimited ? '' : formatSize(image.usage),
    image.state,
  ];
}

function footer(count: number): string {
  return count === 0 ? 'No images.\n' : `\n${count} images listed.\n`;
}

function toJson(image: ListedImage): Json {
  const known = (value: bigint, unknown: bigint): bigint | null => (value === unknown ? null : value);
  return {
    name: image.name,
    type: image.type,
    ro: image.readOnly,
    crtime: known(image.created, 0n),
    mtime: known(image.modified, 0n),
    usage: known(image.usage, unlimited),
    state: image.state,
  };
}
