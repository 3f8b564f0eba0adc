/** Everything that is compared. */
import type { Case } from './case.ts';
import { argumentCases } from './cases/arguments.ts';
import { attachingCases } from './cases/attaching.ts';
import { extensionFileCases } from './cases/extension-files.ts';
import { extensionCases } from './cases/extensions.ts';
import { fileSystemCases } from './cases/file-systems.ts';
import { imageCases } from './cases/images.ts';
import { introspectionCases } from './cases/introspection.ts';
import { standardCases } from './cases/standard-interfaces.ts';
import { verityCases } from './cases/verity.ts';

export const cases: Readonly<Record<string, readonly Case[]>> = {
  introspection: introspectionCases,
  'standard interfaces': standardCases,
  arguments: argumentCases,
  attaching: attachingCases,
  extensions: extensionCases,
  'extension files': extensionFileCases,
  images: imageCases,
  verity: verityCases,
  'file systems': fileSystemCases,
};
