import { chat } from '../dialects/chat';
import { streamAsker, wholeAsker } from './askers';
import { EarlyAnswers } from './early-answers';
import type { JsonObject } from './json';
import type { Upstream, UpstreamRequest } from './ports';
import type { Reading } from './turn';

const says = (content: string): JsonObject => ({
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
});
const chunk = (delta: JsonObject, reason: string | null = null): JsonObject => ({
  id: 'c',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason: reason }],
});
const { signal } = new AbortController();
const continuation = (body: JsonObject): UpstreamRequest => ({ path: '/', headers: {}, body, signal });

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((good, bad) => ([resolve, reject] = [good, bad]));
  return { promise, resolve, reject };
}

/** Reads a round to its end. */
async function textOf(reading: Reading): Promise<string> {
  for (;;) {
    const step = await reading.next();
    if (step.done === true) return step.value.text;
  }
}

describe('a continuation that is not streamed', () => {
  const whole = () => {
    const early = new EarlyAnswers();
    const sent = deferred<JsonObject>();
    const asked: UpstreamRequest[] = [];
    const upstream: Upstream = {
      send: (request) => {
        asked.push(request);
        return sent.promise;
      },
      stream: () => Promise.reject(new Error('no streams here')),
    };
    const asker = wholeAsker({ dialect: chat, turn: 't', first: says(''), upstream, continuation, early });
    return { early, sent, asked, asker };
  };

  it('is answered by what is told of it before LiteLLM sends it', async () => {
    const { early, asked, asker } = whole();
    const text = textOf(asker.ask({}, 2, signal));
    early.tell(3, says('another round'));
    early.tell(2, says('told'));
    expect(await text).toBe('told');
    expect(asked[0]?.isAnswered?.()).toBe(true);
  });

  it('is answered by what LiteLLM sends where nothing is told', async () => {
    const { sent, asked, asker } = whole();
    const text = textOf(asker.ask({}, 2, signal));
    expect(asked[0]?.isAnswered?.()).toBe(false);
    sent.resolve(says('sent'));
    expect(await text).toBe('sent');
  });

  it('fails as LiteLLM does where nothing was told', async () => {
    const { sent, asker } = whole();
    const text = textOf(asker.ask({}, 2, signal));
    sent.reject(new Error('refused'));
    await expect(text).rejects.toThrow('refused');
  });

  it.each(['sends', 'fails'])('is settled when LiteLLM has ended it, also where it %s', async (end) => {
    const { early, sent, asker } = whole();
    early.tell(2, says('told'));
    await textOf(asker.ask({}, 2, signal));
    let isSettled = false;
    const settled = asker.settled().then(() => (isSettled = true));
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    if (end === 'sends') sent.resolve(says('sent'));
    else sent.reject(new Error('a logger of LiteLLM failed'));
    await settled;
  });
});

describe('a streamed round', () => {
  const streamed = (body: JsonObject, more: { toTheEnd?: boolean } = {}) => {
    const closed = deferred<void>();
    const read: string[] = [];
    async function* model(): AsyncGenerator<JsonObject> {
      yield chunk({ role: 'assistant', content: 'Quince' });
      yield chunk({}, 'stop');
      read.push('last chunk');
      yield { ...chunk({}), choices: [], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
      read.push('usage');
      await closed.promise;
      read.push('end');
    }
    const asker = streamAsker({
      joiner: chat.join({ turn: 't', isClients: () => false, body }),
      first: model(),
      sink: { write: () => Promise.resolve() },
      upstream: { send: () => Promise.reject(new Error('none')), stream: () => Promise.resolve(model()) },
      continuation,
      ...more,
    });
    return { asker, closed, read };
  };

  it('is over with its last chunk; what LiteLLM still does is read to its end, and may take its time', async () => {
    const { asker, closed, read } = streamed({});
    expect(await textOf(asker.first())).toBe('Quince');
    expect(read).not.toContain('end');
    closed.resolve();
    await asker.settled();
    expect(read.at(-1)).toBe('end');
  });

  it('is over with its usage where that was asked for', async () => {
    const { asker, closed } = streamed({ stream_options: { include_usage: true } });
    const reading = asker.first();
    const step = await reading.next();
    expect(step).toMatchObject({ done: true, value: { usage: { total_tokens: 2 } } });
    closed.resolve();
    await asker.settled();
  });

  it('is read to its end where somebody may still refuse it there', async () => {
    const { asker, closed, read } = streamed({}, { toTheEnd: true });
    const text = textOf(asker.first());
    closed.resolve();
    await text;
    expect(read).toEqual(['last chunk', 'usage', 'end']);
  });

  it('may break off behind its last chunk', async () => {
    const { asker, closed } = streamed({});
    expect(await textOf(asker.first())).toBe('Quince');
    closed.reject(new Error('the connection broke'));
    await asker.settled();
  });
});
