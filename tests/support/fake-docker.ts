/** A `docker` for PATH that keeps no container: it writes down what it is asked, and answers for processes of the test. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface FakeDockerState {
  /** Where `nc` in the container of Redis leads. */
  redisPort?: number;
  /** Where hook-service really listens. */
  hookUrl?: string;
  /** Names of services, and their states where they are not running. */
  services: Record<string, string>;
  networks: string[];
  /** What `logs` prints. */
  logs: Record<string, string>;
  /** Services that do not come up. */
  broken: string[];
}

export interface FakeDocker {
  /** PATH with the fake before everything else. */
  readonly path: string;
  set(change: Partial<FakeDockerState>): void;
  /** Its arguments, one list per time it was called. */
  calls(): string[][];
}

const program = `#!${process.execPath}
const fs = require('node:fs');
const net = require('node:net');
const { spawnSync } = require('node:child_process');
const dir = __dirname;
const args = process.argv.slice(2);
fs.appendFileSync(dir + '/calls.jsonl', JSON.stringify(args) + '\\n');
const file = dir + '/state.json';
const state = JSON.parse(fs.readFileSync(file, 'utf8'));
const save = () => fs.writeFileSync(file, JSON.stringify(state));
const connect = (host, port) => {
  const socket = net.connect({ host, port: Number(port) });
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
  socket.on('error', () => process.exit(1));
  socket.on('close', () => process.exit(0));
};
const fail = (text) => { console.error(text); process.exit(1); };
const here = ([command, ...rest]) => {
  if (command === 'nc') return connect(rest[0], rest[1]);
  process.exit(spawnSync(command, rest, { stdio: 'inherit' }).status ?? 1);
};
if (args[0] === 'network') {
  if (args[1] === 'inspect') process.exit(state.networks.includes(args[2]) ? 0 : 1);
  if (state.networks.includes(args[2])) fail('network with name ' + args[2] + ' already exists');
  state.networks.push(args[2]);
  save();
} else if (args[0] === 'run') {
  here(args.slice(args.findIndex((each) => each.startsWith('postgres:')) + 1));
} else if (args[0] === 'compose') {
  let at = 1;
  while (args[at] === '-f' || args[at] === '--profile') at += 2;
  const [verb, ...rest] = args.slice(at);
  if (verb === 'ps') {
    for (const [Service, State] of Object.entries(state.services))
      console.log(JSON.stringify({ Service, State, Health: '', CreatedAt: '2026-01-02 03:04:05 +0000 UTC' }));
  } else if (verb === 'config') {
    if (rest[0] === '--services') console.log(Object.keys(state.services).join('\\n'));
  } else if (verb === 'logs') {
    for (const name of Object.keys(state.logs))
      if (!(rest.at(-1) in state.services) || rest.at(-1) === name) process.stdout.write(state.logs[name]);
  } else if (verb === 'up') {
    const names = Object.keys(state.services).filter((name) => rest.includes(name));
    const bad = names.filter((name) => state.broken.includes(name));
    for (const name of names) state.services[name] = bad.includes(name) ? 'exited' : 'running';
    save();
    if (bad.length > 0) fail('container ' + bad[0] + ' exited (1)');
  } else if (verb === 'exec' && rest[1] === 'litellm-redis') {
    if (rest[2] !== 'nc') fail('no ' + rest[2]);
    connect('127.0.0.1', state.redisPort);
  } else if (verb === 'exec' && rest[1] === 'hook-service') {
    if (!state.hookUrl) fail('service "hook-service" is not running');
    fetch(state.hookUrl + rest.at(-1)).then((r) => r.text()).then((t) => process.stdout.write(t), () => process.exit(1));
  } else if (verb !== 'pull' && verb !== 'build') fail('unknown command ' + verb);
} else fail('unknown command ' + args[0]);
`;

/** Puts the program into a folder of its own below `dir`. */
export function fakeDocker(dir: string, state: Partial<FakeDockerState> = {}): FakeDocker {
  const bin = join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'docker'), program, { mode: 0o755 });
  const file = join(bin, 'state.json');
  const write = (content: FakeDockerState): void => writeFileSync(file, JSON.stringify(content));
  write({ services: {}, networks: [], logs: {}, broken: [], ...state });
  const calls = join(bin, 'calls.jsonl');
  return {
    path: `${bin}${delimiter}${process.env['PATH'] ?? ''}`,
    set: (change) => write({ ...(JSON.parse(readFileSync(file, 'utf8')) as FakeDockerState), ...change }),
    calls: () =>
      existsSync(calls)
        ? readFileSync(calls, 'utf8')
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line) as string[])
        : [],
  };
}
