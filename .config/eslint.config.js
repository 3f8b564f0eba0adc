import { dirname } from 'node:path';
import importX from 'eslint-plugin-import-x';
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
  bin: ['base', 'daemon'],
  install: ['base', 'dbus'],
};

const zones = Object.entries(mayImport).map(([folder, allowed]) => ({
  target: `./src/${folder}`,
  from: './src',
  except: [folder, ...allowed].map((name) => `./${name}`),
  message: `src/${folder} may import only from ${[folder, ...allowed].join(', ')} (.config/eslint.config.js)`,
}));

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.cache/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: dirname(import.meta.dirname) },
    },
    settings: {
      'import-x/resolver-next': [importX.createNodeResolver({ extensions: ['.ts', '.js'] })],
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/prefer-literal-enum-member': 'off',
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
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
