/** The btrfs images in test/fixtures/btrfs: see the README there. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { TreeFacts } from './kernel-compare.ts';
import { unpack } from './packed-image.ts';

export const btrfsFixtures = ['subvolumes', 'compressed', 'blocks-16384'] as const;

export type BtrfsFixture = (typeof btrfsFixtures)[number];

const place = (name: string): URL => new URL(`../fixtures/btrfs/${name}.gz`, import.meta.url);

/** As it is stored: packed (packed-image.ts). */
export function packedBtrfs(name: BtrfsFixture): Buffer {
  return gunzipSync(readFileSync(place(`${name}.packed`)));
}

/** The bytes of the image. */
export function btrfsFixture(name: BtrfsFixture): Buffer {
  return unpack(packedBtrfs(name));
}

/** What the kernel showed of it. */
export function btrfsFixtureFacts(name: BtrfsFixture): TreeFacts {
  const text = gunzipSync(readFileSync(place(`${name}.json`))).toString();
  return new Map(JSON.parse(text, reviveBigInt) as [string, never][]);
}

/** JSON has no bigint: they are stored as "1n". */
export function replaceBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

function reviveBigInt(_key: string, value: unknown): unknown {
  return typeof value === 'string' && /^-?\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
}
