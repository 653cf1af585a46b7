import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gate, type Gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import type { Exchange } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

const drivers = [chatDriver, responsesDriver, messagesDriver, generateContentDriver];
const cells = drivers.flatMap((driver) =>
  [true, false].map(
    (stream) => [driver.dialect, stream ? 'a stream' : 'a whole answer', driver, stream] as const,
  ),
);

let fixture: HttpFixture;
let stack: Stack;
let model: ScriptedModel;
let begun: Gate;
let finish: Gate;

beforeAll(async () => {
  const handler = async (): Promise<string> => {
    begun.open();
    await finish.opened;
    return 'quince';
  };
  fixture = await startHttpFixture({ tools: [{ name: 'write', handler }] });
  model = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    models: drivers.map((driver) => driver.entry(model.url)),
  });
}, 180_000);

afterAll(async () => {
  finish?.open();
  await stack?.stop();
  await model?.stop();
  await fixture?.stop();
});

const repeats = (): number =>
  readFileSync(join(stack.dir, 'hook-service.log'), 'utf8').split('a request repeats a turn').length - 1;

it.each(cells)(
  '%s: %s joins one of the other form, and the conversation goes on',
  async (dialect, _form, driver, stream) => {
    const calls = fixture.calls.length;
    begun = gate();
    finish = gate();
    model.answerWith(
      driver.provider(({ rounds, results }) =>
        rounds === 0
          ? { text: 'Let me see.', calls: [{ id: `call_${repeats()}`, name: 'notes__write', args: {} }] }
          : { text: `It says ${results.join()}.` },
      ),
    );
    const exchanges: Exchange[] = [];
    const talk = (isStream: boolean, seen: Exchange[]) =>
      driver.converse({
        url: stack.url,
        key: `sk-test-${dialect}-${stream}`,
        stream: isStream,
        own: false,
        exchanges: seen,
      });
    const [one, two] = [talk(!stream, []), talk(stream, exchanges)];
    const first = one.ask('What is the word?');
    await begun.opened;
    const before = repeats();
    const again = two.ask('What is the word?');
    await waitUntil(async () => repeats() > before, { timeoutMs: 60_000, what: 'the retry' });
    finish.open();
    const said = 'Let me see.\n\nIt says quince.';
    expect([(await first).text, (await again).text]).toEqual([said, said]);
    expect(fixture.calls).toHaveLength(calls + 1);
    expect(driver.answerProblems((await exchanges[0]?.body) ?? '', stream)).toEqual([]);

    // Asked on, the model sees the call and its result, which no client has sent.
    model.answerWith(driver.provider(() => ({ text: 'Again quince.' })));
    const asked = model.requests.length;
    await two.ask('And again?');
    const seen = model.requests[asked];
    expect(seen === undefined ? [] : driver.requestProblems(seen)).toEqual([]);
    expect(seen === undefined ? [] : driver.entriesOf(seen)).toEqual(
      expect.arrayContaining([
        ['call', 'notes__write', {}],
        ['result', 'quince'],
      ]),
    );
  },
);
