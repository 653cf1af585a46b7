import type { Config } from 'jest';

// Unit tests stand beside the code; integration tests start real processes and stand in tests/.
const shared = {
  testEnvironment: 'node',
  // Not in the temporary folder, which is a new one for each suite of ./scripts/test.
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
  modulePathIgnorePatterns: ['/dist/', '/.toolturn/'],
} satisfies Config['projects'] extends (infer P)[] | undefined ? Partial<Exclude<P, string>> : never;

const config: Config = {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: [
        '<rootDir>/{hook-service,scripts,grafana}/src/**/*.test.ts',
        '<rootDir>/hook-service/console-page/**/*.test.ts',
        '<rootDir>/mcp/*/src/**/*.test.ts',
        '<rootDir>/bench/**/*.test.ts',
      ],
    },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/tests/integration/**/*.test.ts'] },
    { ...shared, displayName: 'clients', testMatch: ['<rootDir>/tests/clients/**/*.test.ts'] },
    { ...shared, displayName: 'servers', testMatch: ['<rootDir>/tests/servers/**/*.test.ts'] },
    { ...shared, displayName: 'deploy', testMatch: ['<rootDir>/tests/deploy/**/*.test.ts'] },
    { ...shared, displayName: 'chaos', testMatch: ['<rootDir>/tests/chaos/**/*.test.ts'] },
    { ...shared, displayName: 'soak', testMatch: ['<rootDir>/tests/soak/**/*.test.ts'] },
  ],
  testTimeout: 30_000,
};

export default config;
