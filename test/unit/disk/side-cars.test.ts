import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { Budget } from '../../../src/disk/budget.ts';
import { openImage } from '../../../src/disk/open.ts';
import { failsWith } from '../../support/fails-with.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const scratch = scratchDirectory('side-cars');

describe('an image whose hash is kept beside it', () => {
  for (const suffix of ['.roothash', '.usrhash', '.verity']) {
    it(`is not read unchecked: ${suffix}`, async () => {
      const image = path.join(scratch, `image${suffix}.raw`);
      writeFileSync(image, '');
      writeFileSync(path.join(scratch, `image${suffix}${suffix}`), '');
      await failsWith(
        openImage({ path: image, type: 'raw' }, new Budget(image)),
        'NotSupported',
        /cannot be checked/,
      );
    });
  }

  it('is told from one that has a neighbour of another name', async () => {
    const image = path.join(scratch, 'plain.raw');
    writeFileSync(image, '');
    writeFileSync(path.join(scratch, 'plainer.verity'), '');
    await failsWith(openImage({ path: image, type: 'raw' }, new Budget(image)), 'InvalidArgs', /file system/);
  });
});
