import { basename } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RunningBridge } from '../bridge/bridge';
import { ToolturnError } from '../core/errors';
import type { LogLevel } from '../log/log';

interface BridgeFlags {
  readonly port: number;
  readonly host: string;
  readonly name?: string;
  readonly shared?: boolean;
  readonly perSession?: boolean;
  readonly maxSessions: number;
  readonly idle: number;
  readonly startTimeout: number;
  readonly env: readonly string[];
  readonly allowedHost: readonly string[];
}

const bodyBytes = 16 * 1024 * 1024;
const messageBytes = 80 * 1024 * 1024;
const help = `
The server's stderr goes to the log. It gets HOME, LOGNAME, PATH, SHELL, TERM, USER and what --env names, nothing else.
TOOLTURN_BRIDGE_TOKEN: a bearer token that clients must send. TOOLTURN_LOG_LEVEL: error, warn, info or debug.

Example: toolturn bridge --port 48001 --env GITHUB_TOKEN -- node server.js --read-only`;

/** `toolturn bridge`: one stdio MCP server on streamable HTTP and SSE, until SIGTERM or SIGINT. */
export function addBridge(program: Command): void {
  program
    .command('bridge')
    .description('put a stdio MCP server on HTTP: /mcp, /sse and /health')
    .argument('<command...>', 'the server and its arguments, after --')
    .option('--port <port>', 'port to listen on; 0 takes a free one', readPort, 48_001)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--name <name>', 'what log and health call the server (default: its command)')
    .addOption(new Option('--shared', 'one process for all clients').conflicts('perSession'))
    .option('--per-session', 'a process for each client session (default)')
    .option('--max-sessions <n>', 'most sessions at a time', readCount, 32)
    .option('--idle <time>', 'end a session that nobody is connected to after this', readTime, 600_000)
    .option('--start-timeout <time>', 'longest time for the start of the server', readTime, 60_000)
    .option('--env <name>', 'an environment variable that the server gets; repeatable', collect, [])
    .option('--allowed-host <name>', 'a host name that clients use for the bridge; repeatable', collect, [])
    .addHelpText('after', help)
    .action(async ([command = '', ...args]: string[], flags: BridgeFlags) => {
      let bridge: RunningBridge;
      try {
        bridge = await start(command, args, flags);
      } catch (error) {
        process.stderr.write(`toolturn: ${error instanceof ToolturnError ? error.message : String(error)}\n`);
        process.exit(1);
      }
      const stop = (): void => void bridge.close().finally(() => process.exit(0));
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
    });
}

async function start(command: string, args: readonly string[], flags: BridgeFlags): Promise<RunningBridge> {
  const { startBridge } = await import('../bridge/bridge.js');
  const { createLog } = await import('../log/log.js');
  const env = Object.fromEntries(flags.env.map((name) => [name, variable(name)]));
  const token = process.env['TOOLTURN_BRIDGE_TOKEN']?.trim();
  const log = createLog({
    level: logLevel(process.env['TOOLTURN_LOG_LEVEL']),
    secrets: [...Object.values(env), ...(token ? [token] : [])],
  });
  return startBridge({
    name: flags.name ?? basename(command),
    host: flags.host,
    port: flags.port,
    command,
    args,
    env,
    shared: flags.shared === true,
    maxSessions: flags.maxSessions,
    idleMs: flags.idle,
    startTimeoutMs: flags.startTimeout,
    allowedHosts: flags.allowedHost,
    ...(token ? { token } : {}),
    bodyBytes,
    messageBytes,
    log,
  });
}

function variable(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new ToolturnError('config_invalid', `--env ${name}: this environment variable is not set`);
  }
  return value;
}

function logLevel(text: string | undefined): LogLevel {
  const levels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];
  return levels.find((level) => level === text) ?? 'info';
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function readPort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('a port is a whole number from 0 to 65535');
}

function readCount(text: string): number {
  if (/^\d{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  throw new InvalidArgumentError('it must be a whole number from 1');
}

/** `500ms`, `90s`, `10m`, `2h`; in milliseconds. */
function readTime(text: string): number {
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text);
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match?.[2] ?? ''];
  const time = Number(match?.[1]) * (unit ?? Number.NaN);
  // Longer ones do not fit a timer.
  if (time > 0 && time <= 2_000_000_000) return time;
  throw new InvalidArgumentError('a time is written as 500ms, 90s, 10m or 2h');
}
