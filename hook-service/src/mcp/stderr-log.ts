import type { Log } from '../core/ports';
import { limitRate } from './rate-limit';

const linesPerSecond = 20;

/**
 * Writes a child's stderr to the log, at debug level: servers write their ordinary greetings there. A flood is cut to
 * some lines per second, with a warning that says how many were left out.
 */
export function logStderr(server: string, log: Log): (line: string) => void {
  const allowed = limitRate(linesPerSecond, (dropped) =>
    log.warn(`MCP server ${server} wrote more to stderr than is logged`, { server, dropped }),
  );
  return (line) => {
    if (allowed()) log.debug(`MCP server ${server} wrote to stderr`, { server, line });
  };
}
