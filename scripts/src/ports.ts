/** `./scripts/ports`: which ports the stack wants, and who has those that are taken. */
import { flag, numberOf, readCommand, texts } from './arguments';
import { StartError } from './errors';
import { listenersOf, reservedPorts, type Reserved } from './operate/reserved-ports';
import { stateDir } from './paths';
import { isPortFree } from './processes';
import { runningParts } from './run-file';
import { runScript } from './run-script';
import { join } from 'node:path';

interface Seen extends Reserved {
  readonly free: boolean;
  /** Who listens, where this user may know it. */
  readonly by?: string;
  readonly ours?: boolean;
}

async function ports(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('ports', args, { port: texts, json: flag });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to ports (see ./scripts/ports --help).`);
  const wanted: readonly Reserved[] =
    values.port === undefined
      ? reservedPorts()
      : values.port.map((text) => ({ port: numberOf('--port', text, 1, 65_535), what: 'asked for' }));
  const ours = new Set(runningParts(join(stateDir, 'run.json'))?.parts.map(({ pid }) => pid) ?? []);
  const seen: Seen[] = [];
  for (const each of wanted) {
    if (await isPortFree(each.port)) {
      seen.push({ ...each, free: true });
      continue;
    }
    const holders = listenersOf(each.port);
    const by = holders.map(({ pid, command }) => `${command} (pid ${pid})`).join(', ');
    const own = holders.length > 0 && holders.every(({ pid }) => ours.has(pid));
    seen.push({ ...each, free: false, ...(by === '' ? {} : { by }), ...(own ? { ours: true } : {}) });
  }
  const taken = seen.filter(({ free, ours: own }) => !free && own !== true);
  if (values.json === true) {
    console.log(JSON.stringify({ ports: seen, taken: taken.length }, null, 2));
  } else {
    for (const { port, what, free, by, ours: own } of seen)
      console.log(
        `  ${`${port}`.padEnd(6)} ${what.padEnd(24)} ${free ? 'free' : own === true ? 'this stack' : `TAKEN${by === undefined ? ' by a process of another user' : ` by ${by}`}`}`,
      );
    console.log(
      taken.length === 0
        ? 'ok: no port is taken by somebody else'
        : `not ok: ${taken.map(({ port }) => port).join(', ')} taken: stop who listens there, or give the part another port (docs/operations.md)`,
    );
  }
  return taken.length === 0 ? 0 : 1;
}

runScript('ports', ports);
