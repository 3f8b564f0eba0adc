/** The JSON schema of build files, made from the table of parameters: docs/portable-build.schema.json. */
import { keys, type Key, type KeyKind } from './keys.ts';

/** JSON Schema, draft 2020-12. */
export function buildFileSchema(): object {
  const properties: Readonly<Record<string, object>> = Object.fromEntries(
    Object.entries<Key>(keys).map(([name, { kind, help }]) => [
      name,
      { description: help, ...schemaOf(kind) },
    ]),
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'portable-build',
    description: 'What a portable service image is built from',
    type: 'object',
    properties: { $schema: { type: 'string' }, ...properties },
    // what is required may come from the command line instead
    additionalProperties: false,
  };
}

function schemaOf(kind: KeyKind): object {
  if (typeof kind === 'object') return { enum: kind.choice };
  const text = { type: 'string', pattern: '^[^\\u0000\\n\\r]+$' };
  const absolute = { type: 'string', pattern: '^/' };
  switch (kind) {
    case 'text':
    case 'path':
      return text;
    case 'flag':
      return { type: 'boolean' };
    case 'bytes':
      return {
        anyOf: [
          { type: 'integer', minimum: 0 },
          { type: 'string', pattern: '^[0-9]{1,9}[KM]?$' },
        ],
      };
    case 'texts':
    case 'paths':
    case 'contents':
      return { type: 'array', items: text };
    case 'symlinks':
      return {
        type: 'array',
        items: {
          anyOf: [
            {
              type: 'object',
              properties: { object: absolute, symlink: absolute },
              required: ['object', 'symlink'],
              additionalProperties: false,
            },
            { type: 'string', pattern: '^/[^:]*:/[^:]*$' },
          ],
        },
      };
  }
}
