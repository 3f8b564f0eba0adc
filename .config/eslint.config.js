import { dirname } from 'node:path';
import tseslint from 'typescript-eslint';

/** Who may import whom below src/: each folder lists the folders it may use besides itself. */
const mayImport = {
  base: [],
  disk: ['base'],
  transaction: ['base', 'disk'],
  host: ['base', 'dbus'],
  dbus: ['base'],
  images: ['base', 'disk', 'host'],
  portable: ['base', 'disk', 'host', 'images', 'transaction'],
  service: ['base', 'disk', 'host', 'dbus', 'images', 'portable'],
  daemon: ['base', 'disk', 'host', 'dbus', 'images', 'portable', 'transaction', 'service'],
  terminal: ['base'],
  client: ['base', 'disk', 'host', 'dbus', 'images', 'portable', 'terminal', 'transaction'],
  build: ['base', 'disk', 'portable', 'terminal'],
  dissect: ['base', 'disk', 'portable', 'terminal'],
  bin: ['base', 'build', 'daemon', 'client', 'terminal', 'dissect'],
  completion: ['build', 'client', 'terminal'],
  install: ['base', 'completion', 'dbus'],
};

const folders = Object.keys(mayImport);

/** For the files of one folder: imports of every folder that it may not use, at start-up or later. */
const directions = Object.entries(mayImport).map(([folder, allowed]) => {
  const usable = [folder, ...allowed];
  const others = folders.filter((name) => !usable.includes(name)).join('|');
  const message = `src/${folder} may import only from ${usable.join(', ')} (.config/eslint.config.js)`;
  return {
    files: [`src/${folder}/**/*.ts`],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ regex: `^(\\.\\./)+(${others})/`, message }] }],
      'no-restricted-syntax': [
        'error',
        { selector: `ImportExpression[source.value=/^(\\.\\.\\/)+(${others})\\//]`, message },
      ],
    },
  };
});

export default tseslint.config(
  ...directions,
  { ignores: ['dist/', 'node_modules/', '.cache/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: dirname(import.meta.dirname) },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/prefer-literal-enum-member': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // node:test's describe and it return promises nobody awaits; assertions narrow by hand
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['describe', 'it', 'test', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-console': 'off',
    },
  },
);
