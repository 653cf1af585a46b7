/** The load process seen from its parent. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { nodeArgs, nodeEnv } from '../parts/child';
import type { BlockJob, BlockResult, Job, LatencyJob, LatencyResult, Reply } from './job';

export interface Load {
  readonly pid: number;
  latency(job: Omit<LatencyJob, 'type'>): Promise<LatencyResult>;
  block(job: Omit<BlockJob, 'type'>): Promise<BlockResult>;
  stop(): Promise<void>;
}

/** Starts the load process. A job that meets a wrong answer rejects, with the subject's name. */
export function startLoad(): Load {
  const child = fork(join(__dirname, 'worker.ts'), { execArgv: nodeArgs, env: nodeEnv });
  const waiting = new Map<number, (reply: Reply) => void>();
  let jobs = 0;
  child.on('message', (reply: Reply) => {
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  child.on('exit', () => {
    for (const [id, answer] of waiting) answer({ id, error: 'The load process has ended.' });
  });
  const tell = async (job: Job): Promise<unknown> => {
    const id = (jobs += 1);
    const reply = await new Promise<Reply>((resolve) => {
      waiting.set(id, resolve);
      child.send({ id, job });
    });
    if ('error' in reply) throw new Error(reply.error);
    return reply.result;
  };
  return {
    pid: child.pid ?? 0,
    latency: async (job) => (await tell({ ...job, type: 'latency' })) as LatencyResult,
    block: async (job) => (await tell({ ...job, type: 'block' })) as BlockResult,
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
