import winston from 'winston';
import type { Log } from '../core/ports';
import { createRedactor } from './redact';
import { createRenderer } from './render';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** The core's log, and a way to fix fields for all that is written through it. */
export interface RootLog extends Log {
  /** A log whose records also hold `fields`; a field given with a record takes the place of one of these. */
  child(fields: Record<string, unknown>): RootLog;
  /** From here on another level, and these secrets beside those that are known. Holds for every child too. */
  follow(level: LogLevel, secrets: readonly string[]): void;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Default: stdout. */
  readonly stream?: NodeJS.WritableStream;
  /** Values that must never be written, wherever they turn up. */
  readonly secrets?: readonly string[];
}

/** Most secrets that are remembered: with every change of one the log learns another. */
const mostSecrets = 5_000;

/** A log that writes one JSON object per line, without secrets. Writing never throws. */
export function createLog({ level, stream = process.stdout, secrets = [] }: LogOptions): RootLog {
  let known = new Set(secrets);
  let render = createRenderer(createRedactor([...known]), level === 'debug');
  ignoreErrors(stream);
  const logger = winston.createLogger({
    level,
    levels: { error: 0, warn: 1, info: 2, debug: 3 },
    format: winston.format.printf(({ message }) => String(message)),
    transports: [new winston.transports.Stream({ stream, eol: '\n' })],
    exitOnError: false,
  });

  function write(recordLevel: LogLevel, message: string, ...layers: (object | undefined)[]): void {
    if (!logger.isLevelEnabled(recordLevel)) return;
    try {
      // The finished line goes through winston as its message: winston would mix fields named `message` into it.
      logger.log(recordLevel, line(recordLevel, render(message), layers.map(render)));
    } catch {
      // Whoever logs is in the middle of something that matters more than its record.
    }
  }

  function logWith(fixed: Record<string, unknown>): RootLog {
    const at =
      (recordLevel: LogLevel) =>
      (message: string, fields?: Record<string, unknown>): void =>
        write(recordLevel, message, fixed, fields);
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => logWith({ ...fixed, ...fields }),
      follow(nextLevel, more) {
        // The newest stand last, and those that are known longest go.
        known = new Set(
          [...[...known].filter((secret) => !more.includes(secret)), ...more].slice(-mostSecrets),
        );
        render = createRenderer(createRedactor([...known]), nextLevel === 'debug');
        logger.level = nextLevel;
      },
    };
  }
  return logWith({});
}

function line(level: LogLevel, message: unknown, layers: readonly unknown[]): string {
  const own = { time: new Date().toISOString(), level, message };
  const record = Object.assign(Object.create(null) as Record<string, unknown>, own);
  for (const layer of layers) {
    // What could not be read as fields has become a text that says so.
    const fields = typeof layer === 'object' && layer !== null ? layer : { fields: layer };
    for (const [name, value] of Object.entries(fields))
      record[Object.hasOwn(own, name) ? `_${name}` : name] = value;
  }
  return JSON.stringify(record);
}

const watched = new WeakSet<NodeJS.WritableStream>();

/** A reader of our output that goes away must not take the process with it. */
function ignoreErrors(stream: NodeJS.WritableStream): void {
  if (watched.has(stream)) return;
  watched.add(stream);
  stream.on('error', () => undefined);
}
