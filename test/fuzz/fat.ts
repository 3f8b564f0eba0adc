/** Base images for the vfat reader: one of each width of the table, with long and short names, files in pieces, deep trees. */
import { openFat } from '../../src/disk/fat/index.ts';
import { FatBuilder, type FatOptions, attribute, longSlots, named, slot } from '../support/fat-builder.ts';
import type { FuzzTarget } from './fuzz.ts';
import type { BaseImage } from './mutate.ts';

const bases: readonly FatOptions[] = [
  { bits: 12, clusters: 60 },
  { bits: 16, clusters: 4085 },
  { bits: 32, clusters: 60 },
];

export const fatTarget: FuzzTarget = {
  name: 'fat',
  images: () => Promise.resolve(bases.map(makeImage)),
  open: openFat,
};

function makeImage(options: FatOptions): BaseImage {
  const fat = new FatBuilder(options);
  const directory = { attributes: attribute.directory };
  const file = slot('ORPHAN  TXT');
  const large = { cluster: 20, size: 5000 };
  if (options.bits === 32) fat.chain(2, 3, 4);
  // a directory of two clusters that are apart, with a file in pieces, and another directory
  fat.chain(6, 9).chain(7).chain(10);
  fat.chain(20, 21, 22, 30, 31, 25, 26, 40, 41, 42);
  const first = [
    ...named('a long name.service', 'ALONGN~1SER', { cluster: 10, size: 300 }),
    slot('SHORT   TXT', { caseFlags: 0x18 }),
    ...named('directory', 'DIRECT~1   ', { ...directory, cluster: 6 }),
    ...longSlots('nobody has this name', file).slice(1),
    slot('LABEL      ', { attributes: attribute.label }),
  ];
  const inner = [
    slot('.          ', { ...directory, cluster: 6 }),
    slot('..         ', directory),
    ...named('content of ten clusters', 'CONTEN~1   ', large),
    ...Array.from({ length: 14 }, (_, i) => slot(`FILE${i}       `.slice(0, 11))),
    slot('DEEP       ', { ...directory, cluster: 7 }),
  ];
  fat.directory(fat.rootAt, first);
  const bytes = Buffer.concat(inner);
  fat.fill(6, bytes.subarray(0, 512)).fill(9, bytes.subarray(512));
  fat.directory(fat.at(7), named('\ud83d\ude42', 'SMILE      ', { size: 0 }));
  const tableEnd = 1024 + Math.ceil(62 * options.bits) / 8;
  const clusters = [6, 9, 7].map((cluster) => [fat.at(cluster), fat.at(cluster) + 512] as const);
  const rootEnd = fat.rootAt + first.length * 32;
  const hot = [[0, 90], [1024, tableEnd], [fat.rootAt, rootEnd], [fat.rootAt, rootEnd], ...clusters] as const;
  return { name: `FAT${options.bits}`, bytes: fat.bytes, hot };
}
