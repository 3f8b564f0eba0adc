/** `npm run build`, second half: the bundle. */
import { bundle } from './bundle.ts';
import { bundleDirectory } from './layout.ts';

await bundle(bundleDirectory);
