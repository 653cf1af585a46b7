import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';

/** The MCP server of the clients' tests, whose one tool says what only it knows. */
export const startVault = (says: () => string): Promise<HttpFixture> =>
  startHttpFixture({
    tools: [
      {
        name: 'secret_word',
        description: 'The secret word of a vault.',
        inputSchema: { type: 'object', properties: { vault: { type: 'string' } } },
        handler: says,
      },
    ],
  });
