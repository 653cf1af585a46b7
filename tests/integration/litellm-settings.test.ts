/** Settings of LiteLLM that operators use, beside Toolturn. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

let fixture: HttpFixture;
let spare: ScriptedModel;
let stack: Stack;
let first: ScriptedModel;

const deployment = (url: string) => ({
  model_name: 'twice',
  litellm_params: { model: 'openai/twice', api_base: url, api_key: 'none' },
});

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [{ name: 'count', handler: () => ({ content: [{ type: 'text', text: 'counted 42' }] }) }],
  });
  first = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  spare = await startScriptedModel({ answer: () => ({ text: 'no script' }) });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    models: [deployment(first.url), deployment(spare.url)],
    litellm: { json_logs: true, num_retries: 2 },
    router: { num_retries: 2, allowed_fails: 0, cooldown_time: 600 },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await spare?.stop();
  await first?.stop();
  await fixture?.stop();
});

it('a turn goes on at the second deployment where the first fails, and no tool runs twice', async () => {
  const ask = { text: 'Let me count.', toolCalls: [{ name: 'notes__count', arguments: {} }] };
  let refused = 0;
  first.answerWith((request) => {
    if (roundsBehind(request) === 0) return ask;
    refused += 1;
    return { error: 'out of order' };
  });
  spare.answerWith((request) =>
    roundsBehind(request) === 0 ? ask : { text: `It says: ${lastResults(request)[0]}` },
  );
  let turns = 0;
  // LiteLLM takes a deployment by chance: until the one that fails has been asked for a second round.
  while (refused === 0 && turns < 40) {
    const answer = await stack.client().chat.completions.create({
      model: 'twice',
      messages: [{ role: 'user', content: 'How many are there?' }],
    });
    turns += 1;
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop' });
    expect(answer.choices[0]?.message.content).toContain('It says: counted 42');
    expect(fixture.calls).toHaveLength(turns);
  }
  expect(refused).toBeGreaterThan(0);
  expect(messagesOf(spare.requests.at(-1)).filter(({ role }) => role === 'tool')).toHaveLength(1);
});

it('with json_logs every line that LiteLLM logs of requests is JSON with its level and time', async () => {
  await stack
    .client('nobody')
    .chat.completions.create({ model: 'not-there', messages: [{ role: 'user', content: 'Hi' }] })
    .catch(() => undefined);
  const lines = readFileSync(join(stack.dir, 'litellm.log'), 'utf8').split('\n');
  // What is printed before, a banner and the model list, is no log.
  const from = lines.findIndex((line) => line.includes('/v1/chat/completions') || line.startsWith('{'));
  const logged = lines.slice(from).filter((line) => line !== '');
  expect(logged.length).toBeGreaterThan(0);
  for (const line of logged)
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(String), timestamp: expect.any(String) });
});
