/** `npm run build`, second half: the bundle. */
import { bundle } from './bundle.ts';

await bundle();
