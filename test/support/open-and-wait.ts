/** Opens the image of the first argument, says so, and waits to be killed; or says why it cannot. */
import { PortableError } from '../../src/base/errors.ts';
import { Budget } from '../../src/disk/budget.ts';
import { openImage } from '../../src/disk/open.ts';

const [path = ''] = process.argv.slice(2);
try {
  await openImage({ path, type: 'raw' }, new Budget(path));
  console.log('open');
  setInterval(() => undefined, 1e9);
} catch (error) {
  if (!(error instanceof PortableError)) throw error;
  console.log(error.code, error.describe());
}
