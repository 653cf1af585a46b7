import { parentPort } from 'node:worker_threads';
import { Validators } from './validators';

/** What the thread is asked: a value to compare with a schema, which comes along where it is not known yet. */
export interface CheckRequest {
  readonly id: number;
  readonly key: string;
  readonly schema?: string;
  readonly value: unknown;
}

const validators = new Validators();

/** The thread in which schemas of servers are compiled and evaluated. Whoever started it ends it when it takes too long. */
parentPort?.on('message', ({ id, key, schema, value }: CheckRequest) => {
  if (schema !== undefined) validators.add(key, JSON.parse(schema));
  const answer = validators.has(key) ? { id, result: validators.check(key, value) } : { id, unknown: true };
  parentPort?.postMessage(answer);
});
