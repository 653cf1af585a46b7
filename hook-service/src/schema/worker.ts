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

/** Said once, when the libraries are loaded and warm: that must not count as the time of a comparison. */
const ready = 'ready';

/** The thread in which schemas of servers are compiled and evaluated. Whoever started it ends it when it takes too long. */
parentPort?.on('message', ({ id, key, schema, value }: CheckRequest) => {
  if (schema !== undefined) validators.add(key, JSON.parse(schema));
  const answer = validators.has(key) ? { id, result: validators.check(key, value) } : { id, unknown: true };
  parentPort?.postMessage(answer);
});

for (const $schema of [
  'https://json-schema.org/draft/2020-12/schema',
  'http://json-schema.org/draft-07/schema#',
]) {
  validators.add('warm', { $schema, type: 'object', properties: { a: { type: 'string' } } });
  validators.check('warm', { a: 1 });
}
parentPort?.postMessage(ready);
