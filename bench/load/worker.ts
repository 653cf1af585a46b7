/** The load process: does one job after the other, as its parent tells it. */
import { client, type Asking } from './ask';
import type { BlockJob, BlockResult, Job, LatencyJob, LatencyResult, Reply, Sample, Subject } from './job';

/** The share of a block's time that is not measured: all clients begin at the same moment. */
const beginning = 0.2;

const clients = new Map<string, Promise<Asking>>();

/** Clients and their sessions stay: they are warm from the second job on. */
function clientOf(subject: Subject, index: number): Promise<Asking> {
  const key = JSON.stringify([subject, index]);
  const known = clients.get(key) ?? client(subject, index);
  clients.set(key, known);
  return known;
}

async function latency({ subjects, warmUp, rounds, each }: LatencyJob): Promise<LatencyResult> {
  const askings = await Promise.all(
    subjects.map(async (subject) => ({ name: subject.name, ask: await clientOf(subject, 0) })),
  );
  for (const { name, ask } of askings) for (let left = warmUp; left > 0; left -= 1) await named(name, ask);
  const samples: Record<string, Sample[][]> = Object.fromEntries(askings.map(({ name }) => [name, []]));
  let turned = askings;
  for (let round = 0; round < rounds; round += 1) {
    for (const { name } of askings) samples[name]?.push([]);
    for (let number = 0; number < each; number += 1) {
      turned = [...turned].reverse();
      for (const { name, ask } of turned) {
        const { first, total, bytes } = await named(name, ask);
        samples[name]?.at(-1)?.push({ first, total, bytes });
      }
    }
  }
  return { type: 'latency', samples };
}

async function block({ subject, clients: many, seconds, requests }: BlockJob): Promise<BlockResult> {
  const askings = await Promise.all(Array.from({ length: many }, (_, index) => clientOf(subject, index)));
  const begun = performance.now();
  const cpu = process.cpuUsage();
  const until = begun + (seconds ?? Number.POSITIVE_INFINITY) * 1_000;
  const from = begun + (seconds ?? 0) * 1_000 * beginning;
  let [left, done, within] = [requests ?? Number.POSITIVE_INFINITY, 0, 0];
  await Promise.all(
    askings.map(async (ask) => {
      while (left > 0 && performance.now() < until) {
        left -= 1;
        await named(subject.name, ask);
        done += 1;
        const now = performance.now();
        if (now >= from && now < until) within += 1;
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  const took = (performance.now() - begun) / 1_000;
  return {
    type: 'block',
    requests: done,
    seconds: took,
    perSecond: seconds === undefined ? done / took : within / (seconds * (1 - beginning)),
    cpu: (user + system) / 1e6,
  };
}

async function named(name: string, ask: Asking): Promise<Sample> {
  try {
    return await ask();
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

process.on('message', ({ id, job }: { id: number; job: Job }) => {
  const reply = (one: Reply): void => void process.send?.(one);
  const doing: Promise<LatencyResult | BlockResult> = job.type === 'latency' ? latency(job) : block(job);
  doing.then(
    (result) => reply({ id, result }),
    (error: unknown) => reply({ id, error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
