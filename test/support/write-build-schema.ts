/** `npm run generate`: writes the JSON schema of build files from the table of parameters. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';

import { buildFileSchema } from '../../src/build/schema.ts';

export const schemaFile = join(import.meta.dirname, '../../docs/portable-build.schema.json');

/** The file's text, formatted as everything else here. */
export async function schemaText(): Promise<string> {
  return format(JSON.stringify(buildFileSchema()), { parser: 'json', printWidth: 110 });
}

if (process.argv[1] === import.meta.filename) writeFileSync(schemaFile, await schemaText());
