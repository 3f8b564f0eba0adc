/** File systems that no kernel of ours has, with a hash tree beside them: every block is checked before it is read. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import { readFile } from '../../../src/disk/walk.ts';
import { makeF2fs } from '../../support/f2fs-image.ts';
import { failsWith } from '../../support/fails-with.ts';
import { makeFat } from '../../support/fat-image.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { makeHashTree } from '../../support/verity.ts';

const scratch = scratchDirectory('verity-behind', '/dev/shm');
const tree = join(scratch, 'tree');
mkdirSync(join(tree, 'usr/lib'), { recursive: true });
writeFileSync(join(tree, 'usr/lib/os-release'), 'ID=sample\n');

const makers: Readonly<Record<string, (image: string) => void>> = {
  f2fs: (image) => makeF2fs(image, { mebibytes: 64, from: tree }),
  vfat: (image) => makeFat(image, 8192, [], tree),
};

describe('a hash tree beside an image', () => {
  for (const [type, make] of Object.entries(makers)) {
    it(`is what all of ${type} is checked by`, async () => {
      const image = join(scratch, `${type}.raw`);
      make(image);
      writeFileSync(join(scratch, `${type}.roothash`), makeHashTree(image, join(scratch, `${type}.verity`)));
      const read = async (): Promise<string | undefined> => {
        const budget = new Budget(image);
        const opened = await openImage({ path: image, type: 'raw' }, budget);
        try {
          assert.equal(opened.parts[0]?.protection, 'verity');
          assert.equal(opened.tree.type, type);
          return (await readFile(opened.tree, '/usr/lib/os-release', 1000, budget))?.toString();
        } finally {
          await opened.close();
        }
      };
      assert.equal(await read(), 'ID=sample\n');
      const bytes = readFileSync(image);
      const at = bytes.indexOf('ID=sample');
      bytes.write('ID=simple', at);
      writeFileSync(image, bytes);
      await failsWith(read(), 'InvalidArgs', new RegExp(`block ${Math.floor(at / 4096)} .*does not match`));
    });
  }
});
