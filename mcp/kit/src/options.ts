import type { ServeOptions } from './serve';

/** How a server of ours is served, from the variables all of them read. */
export function serveOptions(
  name: string,
  env: { MCP_PORT?: number | undefined; MCP_HOST: string; MCP_ALLOWED_ORIGINS: string },
): ServeOptions {
  return {
    name,
    version: '0.1.0',
    port: env.MCP_PORT,
    host: env.MCP_HOST,
    allowedOrigins: env.MCP_ALLOWED_ORIGINS.split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  };
}
