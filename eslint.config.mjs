import tseslint from 'typescript-eslint';

/** Which part of hook-service may import what (ARCHITECTURE.md, "Import rules"). */
const adapters = [
  'http',
  'mcp',
  'mcp-server',
  'state',
  'upstream',
  'log',
  'config',
  'search',
  'schema',
  'metrics',
  'tracing',
];
/** Those that send requests of their own over HTTP. */
const asks = new Set(['mcp', 'upstream']);
const libraries = {
  mcp: ['@modelcontextprotocol/*', '@modelcontextprotocol/**'],
  'mcp-server': ['@modelcontextprotocol/*', '@modelcontextprotocol/**'],
  state: ['ioredis'],
  http: ['express'],
  log: ['winston'],
  config: ['yaml'],
  search: ['minisearch'],
  metrics: ['prom-client'],
  tracing: ['@opentelemetry/*'],
  schema: ['ajv', 'ajv/**', 'ajv-formats'],
};

function restrict(folder, group, message) {
  return {
    files: [`hook-service/src/${folder}/**/*.ts`],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: group.map((g) => ({ group: g, message })) }] },
  };
}

const othersLibraries = (own) =>
  [...new Set(Object.values(libraries).flat())].filter((name) => !libraries[own]?.includes(name));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.toolturn/**', '**/*.mjs', '**/*.cjs'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.tests.json', './hook-service/console-page/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  restrict(
    'core',
    [['../*', ...othersLibraries(undefined), 'node:http', 'node:net', 'node:fs', 'node:fs/promises']],
    'core imports nothing of ours but core, and no transport: add a port instead.',
  ),
  restrict(
    'dialects',
    [['../*', '!../core', ...othersLibraries(undefined)]],
    'A dialect imports core and nothing else of ours.',
  ),
  ...adapters.map((folder) =>
    restrict(
      folder,
      [['../*', '!../core', ...(asks.has(folder) ? ['!../wire'] : []), ...othersLibraries(folder)]],
      `${folder}/ imports core and its one library; serve.ts wires the rest.`,
    ),
  ),
  restrict('wire', [['../*', ...othersLibraries(undefined)]], 'wire/ imports nothing of ours.'),
  restrict(
    'console',
    [
      [
        '../*',
        '!../core',
        '!../http',
        '!../..',
        '../../*',
        '!../../console-page',
        ...othersLibraries('http'),
      ],
    ],
    'console/ imports core, the guards of http/, the shapes of its page, express, and nothing else of ours.',
  ),
  restrict(
    'bridge',
    [['../*', '!../core', '!../mcp', '!../wire', ...othersLibraries('mcp')]],
    'bridge/ imports core, mcp/, wire/, and nothing else of ours.',
  ),
  ...[
    ['doctor', '..'],
    ['doctor/rules', '../..'],
    ['doctor/live', '../..'],
  ].map(([folder, up]) =>
    restrict(
      folder,
      [[`${up}/*`, `!${up}/core`, `!${up}/config`, ...othersLibraries('config')]],
      'doctor/ imports core, config, yaml and its own files, and nothing else of ours.',
    ),
  ),
  { files: ['scripts/src/**/*.ts', 'bench/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.test.ts', 'tests/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      // What a test reads back is checked by its expectations.
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
);
