import { text } from 'node:stream/consumers';
import { readText } from '../wire/http-client';
import { DoorCarrier } from './door-carrier';

/** What the door would be written, and whether it is read from. */
function aDoor() {
  const lines: string[] = [];
  let isPaused = false;
  const carrier = new DoorCarrier((line) => void lines.push(line), {
    pause: () => (isPaused = true),
    resume: () => (isPaused = false),
  });
  const ask = () =>
    carrier.open({
      method: 'POST',
      url: new URL('http://litellm:4000/v1/chat%20s?beta=1'),
      headers: { authorization: 'Bearer key' },
      body: '{"say":"a\\tb"}',
    });
  return { lines, carrier, ask, isPaused: () => isPaused };
}

it('a request goes to the door as one line, its body behind a tab', () => {
  const { lines, ask } = aDoor();
  ask();
  ask();
  const [head = '', body, ...more] = lines[0]?.split('\t') ?? [];
  expect(JSON.parse(head.slice(1))).toEqual({
    id: 1,
    path: '/v1/chat%20s?beta=1',
    headers: { authorization: 'Bearer key', host: 'litellm:4000' },
  });
  expect([head[0], body, more]).toEqual(['>', '{"say":"a\\tb"}\n', []]);
  expect(lines[1]).toContain('"id":2');
});

it('an answer comes with its status and headers, and with its pieces in order', async () => {
  const { carrier, ask } = aDoor();
  const { answer } = ask();
  carrier.hear({ id: 1, status: 429, headers: { 'retry-after': '3' }, piece: 'quin', end: false });
  const begun = await answer;
  carrier.hear({ id: 2, piece: 'of nobody' });
  carrier.hear({ id: 1, piece: 'ce', end: true });
  expect([begun.statusCode, begun.headers, await text(begun)]).toEqual([
    429,
    { 'retry-after': '3' },
    'quince',
  ]);
});

describe('an answer that does not come to its end', () => {
  it.each([
    [
      'LiteLLM broke off',
      (carrier: DoorCarrier) => carrier.hear({ id: 1, broken: true }),
      'broke the answer off',
    ],
    ['the door has gone', (carrier: DoorCarrier) => carrier.lost(), 'has gone'],
  ])('rejects where it has not begun, and breaks off where it has: %s', async (_what, end, said) => {
    const { carrier, ask } = aDoor();
    const { answer } = ask();
    end(carrier);
    await expect(answer).rejects.toThrow(said);

    const other = aDoor();
    const begun = other.ask();
    other.carrier.hear({ id: 1, status: 200, piece: 'half' });
    const reading = readText(await begun.answer, 1_000);
    end(other.carrier);
    await expect(reading).rejects.toThrow('HTTP exchange failed');
  });

  it('is dropped where it is given up, and the door is told', async () => {
    const { lines, carrier, ask } = aDoor();
    const asked = ask();
    asked.abort();
    asked.abort();
    await expect(asked.answer).rejects.toThrow('given up');
    expect(lines.slice(1)).toEqual(['>{"drop":1}\n']);
    carrier.hear({ id: 1, status: 200, piece: 'too late', end: true });
  });

  it('of a request behind that is none at all', async () => {
    const { lines, carrier, ask } = aDoor();
    carrier.lost();
    await expect(ask().answer).rejects.toThrow('has gone');
    expect(lines).toEqual([]);
  });
});

it('the door is not read from while nobody reads an answer, and is again when it is read or given up', async () => {
  const { carrier, ask, isPaused } = aDoor();
  const first = ask();
  carrier.hear({ id: 1, status: 200, piece: 'x'.repeat(1_000_000) });
  expect(isPaused()).toBe(true);
  const read = text(await first.answer);
  carrier.hear({ id: 1, end: true });
  expect(await read).toHaveLength(1_000_000);
  expect(isPaused()).toBe(false);

  const second = ask();
  carrier.hear({ id: 2, status: 200, piece: 'x'.repeat(1_000_000) });
  expect(isPaused()).toBe(true);
  second.abort();
  await new Promise(setImmediate);
  expect(isPaused()).toBe(false);
});
