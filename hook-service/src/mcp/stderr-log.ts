import type { Log } from '../core/ports';

const linesPerSecond = 20;

/**
 * Writes a child's stderr to the log, at debug level: servers write their ordinary greetings there. A flood is cut to
 * some lines per second, with a warning that says how many were left out.
 */
export function logStderr(server: string, log: Log): (line: string) => void {
  let second = 0;
  let count = 0;
  return (line) => {
    const now = Math.floor(Date.now() / 1_000);
    if (now !== second) {
      if (count > linesPerSecond) {
        log.warn(`MCP server ${server} wrote more to stderr than is logged`, {
          server,
          dropped: count - linesPerSecond,
        });
      }
      second = now;
      count = 0;
    }
    count += 1;
    if (count <= linesPerSecond) log.debug(`MCP server ${server} wrote to stderr`, { server, line });
  };
}
