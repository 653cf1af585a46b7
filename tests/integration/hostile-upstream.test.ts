/** What happens to a turn when the model's answer to a later round goes wrong, or nobody reads what it writes. */
import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { chatRequest, startLoneHook, withCalls, type LoneHook } from '../support/lone-hook';
import { secret } from '../support/stack';

type Script = (res: ServerResponse, streamed: boolean) => void;

let fixture: HttpFixture;
let upstream: Server;
let lone: LoneHook;
let script: Script;
let asked = 0;

beforeAll(async () => {
  fixture = await startHttpFixture({ json: true, tools: [{ name: 'look' }] });
  upstream = createServer((req, res) => {
    asked += 1;
    let text = '';
    req.on('data', (part: Buffer) => (text += part.toString()));
    req.on('end', () => script(res, (JSON.parse(text) as { stream?: boolean }).stream === true));
    res.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  lone = await startLoneHook({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { limits: { turn_seconds: 2, answer_seconds: 2 } },
    upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  });
}, 60_000);

afterAll(async () => {
  await lone?.stop();
  await new Promise((resolve) => {
    upstream?.close(resolve);
    (upstream as ReturnType<typeof createServer> | undefined)?.closeAllConnections();
  });
  await fixture?.stop();
});

beforeEach(() => (asked = 0));

const chunk = (delta: object, finish: string | null = null): object => ({
  id: 'r2',
  object: 'chat.completion.chunk',
  created: 2,
  model: 'demo',
  choices: [{ index: 0, delta, finish_reason: finish }],
});
const event = (object: object): string => `data: ${JSON.stringify(object)}\n\n`;
const begun = (res: ServerResponse, then: (res: ServerResponse) => void = () => undefined): void => {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  res.write(event(chunk({ role: 'assistant', content: 'I was ' })), () => then(res));
};
const noLuck = { error: { message: 'no luck', code: 503 } };
const ending = (res: ServerResponse): void => void res.end(`${event(chunk({}, 'stop'))}data: [DONE]\n\n`);
const failing =
  (status: number): Script =>
  (res) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end('{"error": {"message": "no luck"}}');

/** The lines of a streamed turn whose first round called our tool. */
async function lines(): Promise<any[]> {
  const request: any = await lone.armed(chatRequest({ stream: true }));
  const call = { index: 0, id: 'c1', type: 'function', function: { name: 'notes__look', arguments: '{}' } };
  const chunks = [chunk({ role: 'assistant', tool_calls: [call] }), chunk({}, 'tool_calls')];
  const body = [{ ...request, seen: [] }, ...chunks].map((line) => `${JSON.stringify(line)}\n`).join('');
  const answer = await lone.post('/hooks/stream', body);
  const text = await answer.text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (line === '[DONE]' ? line : JSON.parse(line)));
}

async function whole(): Promise<{ status: number; body: any }> {
  const request = await lone.armed(chatRequest());
  const response = withCalls([{ name: 'notes__look', arguments: '{}' }]);
  const answer = await lone.post('/hooks/post-call', { ...request, response });
  return { status: answer.status, body: await answer.json() };
}

const cases: readonly [string, Script, { status: number; times: number }][] = [
  ['refuses the connection', (res) => res.socket?.destroy(), { status: 502, times: 2 }],
  ['resets it', (res) => res.socket?.resetAndDestroy(), { status: 502, times: 2 }],
  ['answers 429', failing(429), { status: 429, times: 2 }],
  ['answers 500', failing(500), { status: 500, times: 2 }],
  ['answers 400', failing(400), { status: 400, times: 1 }],
  ['answers with a page', (res) => res.end('<html>'), { status: 502, times: 1 }],
  ['never answers', () => undefined, { status: 504, times: 1 }],
];

describe('a model that, in round two,', () => {
  it.each(cases)(
    'F1: %s is an error with its status, asked a second time only where that is safe',
    async (what, act, expected) => {
      script = act;
      const { status, body } = await whole();
      expect([what, status]).toEqual([what, expected.status]);
      expect(body.error.message).toEqual(expect.any(String));
      expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|notes__look|at .*\.js/);
      expect(asked).toBe(expected.times);
    },
  );

  const broken: readonly [string, Script][] = [
    ['is cut off in its stream', (res) => begun(res, () => res.destroy())],
    ['ends its stream without an end', (res) => begun(res, () => res.end())],
    ['writes an error into its stream', (res) => begun(res, () => res.end(event(noLuck)))],
    ['writes garbage into its stream', (res) => begun(res, () => res.end('data: {"half\n\n'))],
    ['stops in the middle of its stream', (res) => begun(res)],
  ];
  it.each(broken)(
    'F1: %s is one error at the end of what was shown, and is not asked again',
    async (_what, act) => {
      script = act;
      const all = await lines();
      const errors = all.filter((line) => line.error !== undefined);
      expect(errors).toHaveLength(1);
      expect(all.slice(-2)).toEqual([errors[0], '[DONE]']);
      expect(JSON.stringify(all)).toContain('I was ');
      expect(JSON.stringify(all)).not.toMatch(/notes__look|127\.0\.0\.1/);
      expect(asked).toBe(1);
    },
  );

  it('F1: is slow to begin is waited for', async () => {
    script = (res) => {
      const others = fetch(`${lone.hook.url}/health/ready`);
      void others.then(() => begun(res, ending));
    };
    const all = await lines();
    expect(all.filter((line) => line.error !== undefined)).toEqual([]);
    expect(JSON.stringify(all)).toContain('I was ');
  });
});

test('F6: a reader that stops reading stops the model, and gets everything once it reads on', async () => {
  const piece = event(chunk({ content: 'x'.repeat(64_000) }));
  const pieces = 2_000;
  let sent = 0;
  script = (res) => {
    begun(res);
    const more = (): void => {
      while (sent < pieces) {
        sent += 1;
        if (!res.write(piece)) return void res.once('drain', more);
      }
      ending(res);
    };
    more();
  };
  const slow = await startLoneHook({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    upstream: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  });
  try {
    const request: any = await slow.armed(chatRequest({ stream: true }));
    const call = { index: 0, id: 'c1', type: 'function', function: { name: 'notes__look', arguments: '{}' } };
    const chunks = [chunk({ role: 'assistant', tool_calls: [call] }), chunk({}, 'tool_calls')];
    const body = [{ ...request, seen: [] }, ...chunks].map((line) => `${JSON.stringify(line)}\n`).join('');
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const headers = { 'x-toolturn-secret': secret, 'content-type': 'application/json' };
      const out = httpRequest(`${slow.hook.url}/hooks/stream`, { method: 'POST', headers }, resolve);
      out.once('error', reject).end(body);
    });
    // Nobody reads. What the model has written stands still once every buffer on the way is full.
    let [before, still] = [-1, 0];
    await waitUntil(
      async () => {
        still = sent === before && sent > 0 ? still + 1 : 0;
        before = sent;
        return still >= 10;
      },
      { timeoutMs: 20_000, what: 'the model to be stopped' },
    );
    expect(sent).toBeLessThan(pieces / 2);
    let [bytes, end] = [0, ''];
    for await (const part of response) {
      bytes += (part as Buffer).length;
      end = (end + (part as Buffer).toString('latin1')).slice(-8);
    }
    expect(end).toBe('[DONE]\n'.padStart(8, '\n'));
    expect(bytes).toBeGreaterThan(pieces * 64_000);
  } finally {
    await slow.stop();
  }
}, 60_000);
