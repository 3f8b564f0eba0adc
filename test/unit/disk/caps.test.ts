/** Every cap on what an inspection may cost, tripped by an image of each kind that it can concern. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { Budget, defaultLimits, type Limits } from '../../../src/disk/budget.ts';
import { inspectImage } from '../../../src/dissect/report.ts';
import { makeF2fs } from '../../support/f2fs-image.ts';
import { makeFat } from '../../support/fat-image.ts';
import { failsWith } from '../../support/fails-with.ts';
import { packBtrfs } from '../../support/file-system-images.ts';
import { runSync } from '../../support/run.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { packXfsTree } from '../../support/xfs-image.ts';

const scratch = scratchDirectory('caps', '/dev/shm');
const kinds = ['squashfs', 'erofs', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat', 'directory'] as const;

type Kind = (typeof kinds)[number];

/** A value that the image goes beyond, what the error says of it, and the kinds that have what is limited. */
interface Cap {
  readonly value: number;
  readonly message: RegExp;
  readonly code?: string;
  readonly kinds?: readonly Kind[];
}

const disks: readonly Kind[] = ['squashfs', 'erofs', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat'];
const linked: readonly Kind[] = kinds.filter((kind) => kind !== 'vfat');

/** One entry for each limit there is; a new limit does not compile without. */
const caps: Readonly<Record<keyof Limits, Cap>> = {
  unitFileBytes: { value: 10, message: /'.*(one|two)\.service' in '.*' is longer than 10 bytes/ },
  osReleaseBytes: { value: 10, message: /os-release' in '.*' is longer than 10 bytes/ },
  unitFiles: { value: 1, message: /more than 1 unit files/ },
  directoryEntries: { value: 1, message: /more than 1 directory entries/ },
  pathDepth: { value: 2, message: /leads through more than 2 components/ },
  symlinkHops: { value: 2, message: /more than 2 symbolic links on the way/, code: 'Loop', kinds: linked },
  blockBytes: {
    value: 2048,
    message: /blocks of 131072 bytes are larger than 2048|compressed cluster of 4096 bytes/,
    kinds: ['squashfs', 'erofs'],
  },
  metadataBlocks: { value: 0, message: /more than 0 metadata blocks/, kinds: disks },
  wallTimeMs: { value: -1, message: /took longer than -1 ms/ },
};

before(() => {
  const tree = join(scratch, 'directory');
  mkdirSync(join(tree, 'usr/lib/systemd/system'), { recursive: true });
  mkdirSync(join(tree, 'etc'));
  writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\nVERSION_ID=1\n');
  symlinkSync('a', join(tree, 'etc/os-release'));
  symlinkSync('b', join(tree, 'etc/a'));
  symlinkSync('../usr/lib/os-release', join(tree, 'etc/b'));
  for (const name of ['one', 'two']) {
    writeFileSync(
      join(tree, `usr/lib/systemd/system/${name}.service`),
      `[Service]\n${'# padding\n'.repeat(5000)}`,
    );
  }
  runSync('mksquashfs', [tree, join(scratch, 'squashfs'), '-quiet', '-no-progress', '-all-root']);
  runSync('mkfs.erofs', ['-zlz4hc', '-C16384', join(scratch, 'erofs'), tree]);
  runSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, join(scratch, 'ext4'), '4M']);
  packXfsTree(tree, join(scratch, 'xfs'));
  packBtrfs(tree, join(scratch, 'btrfs'));
  makeF2fs(join(scratch, 'f2fs'), { mebibytes: 64, from: tree });
  makeFat(join(scratch, 'vfat'), 4096, [], tree, ['usr']);
});

const inspect = (kind: Kind, limits: Limits): Promise<unknown> => {
  const path = join(scratch, kind);
  return inspectImage({ path, type: kind === 'directory' ? 'directory' : 'raw' }, new Budget(path, limits));
};

describe('the caps on an inspection', () => {
  it('leave these images alone', async () => {
    for (const kind of kinds) await inspect(kind, defaultLimits);
  });

  for (const [limit, cap] of Object.entries(caps)) {
    it(`${limit} is kept, and named`, async () => {
      assert.ok(limit in defaultLimits);
      for (const kind of cap.kinds ?? kinds) {
        const work = inspect(kind, { ...defaultLimits, [limit]: cap.value });
        await failsWith(work, cap.code ?? 'LimitsExceeded', cap.message);
      }
    });
  }
});

describe('the caps that nobody has changed', () => {
  /** A directory image, one step over a cap of `defaultLimits`: what the specification says, in numbers. */
  const over = (name: string, message: RegExp, code: string, make: (tree: string) => void): void => {
    it(name, async () => {
      const tree = join(scratch, name.replaceAll(/\W/g, '-'));
      mkdirSync(join(tree, 'usr/lib/systemd/system'), { recursive: true });
      mkdirSync(join(tree, 'etc'));
      make(tree);
      await failsWith(inspectImage({ path: tree, type: 'directory' }, new Budget(tree)), code, message);
    });
  };
  const units = 'usr/lib/systemd/system';

  over('a unit file of 1 MiB and a byte', /is longer than 1048576 bytes/, 'LimitsExceeded', (tree) => {
    writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
    writeFileSync(join(tree, units, 'a.service'), Buffer.alloc(2 ** 20 + 1, '#'));
  });
  over('an os-release of 64 KiB and a byte', /is longer than 65536 bytes/, 'LimitsExceeded', (tree) => {
    writeFileSync(join(tree, 'usr/lib/os-release'), Buffer.alloc(2 ** 16 + 1, '#'));
  });
  over('10,001 unit files', /more than 10000 unit files/, 'LimitsExceeded', (tree) => {
    writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
    for (let i = 0; i < 10_001; i++) writeFileSync(join(tree, units, `a${i}.service`), '');
  });
  over('41 symbolic links', /more than 40 symbolic links on the way/, 'Loop', (tree) => {
    writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=test\n');
    symlinkSync('link-1', join(tree, 'etc/os-release'));
    for (let i = 1; i < 41; i++) symlinkSync(`link-${i + 1}`, join(tree, `etc/link-${i}`));
    writeFileSync(join(tree, 'etc/link-41'), 'ID=test\n');
  });
});
