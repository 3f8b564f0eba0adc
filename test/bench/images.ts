/** What the bench works on. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { idleService, writeImageTree, writeSquashfsImage } from '../host/images.ts';
import type { SquashfsCompression } from '../host/images.ts';
import type { Host } from '../host/host.ts';

export const rawKinds = ['gzip', 'xz', 'zstd'] as const satisfies readonly SquashfsCompression[];

export interface BenchImages {
  /** Path of one squashfs image per compressor. */
  readonly raw: Readonly<Record<(typeof rawKinds)[number], string>>;
  /** Path of a directory image. */
  readonly directory: string;
  /** Makes the images `many0` … in the pool, `count` of them. */
  many(count: number): Promise<readonly string[]>;
}

export async function prepareImages(host: Host): Promise<BenchImages> {
  const at = (inside: string): string => {
    mkdirSync(path.dirname(host.path(inside)), { recursive: true });
    return host.path(inside);
  };
  const contents = { units: { 'bench.service': idleService, 'bench-two.service': idleService } };
  const raw = { gzip: '/srv/bench_gzip.raw', xz: '/srv/bench_xz.raw', zstd: '/srv/bench_zstd.raw' };
  for (const kind of rawKinds) await writeSquashfsImage(at(raw[kind]), contents, kind);
  await writeImageTree(at('/srv/bench'), contents);
  const pool = '/var/lib/portables';
  let made = 0;
  const names: string[] = [];
  return {
    raw,
    directory: '/srv/bench',
    async many(count) {
      for (; made < count; made++) {
        const name = `many${made}`;
        await writeImageTree(at(`${pool}/${name}`), { units: { [`${name}.service`]: idleService } });
        names.push(name);
      }
      return names.slice(0, count);
    },
  };
}
