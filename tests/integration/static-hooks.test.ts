/** What LiteLLM's guardrail hooks do and do not do, as far as the door relies on it (docs/litellm-hooks.md). */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { gate } from '../../scripts/src/gate';
import { startLiteLLM, type RunningLiteLLM } from '../../scripts/src/litellm';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';

jest.setTimeout(60_000);
const key = 'sk-hooks-master';

/** A guardrail that does what the field `user` of the request says, and notes what it sees. */
const probe = `
import asyncio
import json
import os

from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail

DIR = os.path.dirname(os.path.abspath(__file__))


def note(name, value):
    path = os.path.join(DIR, name + ".json")
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".part", path)


def text(content):
    delta = {"content": content}
    return json.dumps({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
                       "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


class Probe(CustomGuardrail):
    async def async_pre_call_hook(self, user_api_key_dict, cache, data, call_type):
        sent = data.get("proxy_server_request") or {}
        note("pre", {"url": str(sent.get("url")), "headers": dict(sent.get("headers") or {}),
                     "raw": dict((data.get("secret_fields") or {}).get("raw_headers") or {}),
                     "tools": data.get("tools"), "key": user_api_key_dict.api_key})
        what = data.get("user")
        if what == "refuse":
            raise HTTPException(418, detail={"error": "refused by the hook"})
        if what == "replace":
            return {**data, "messages": [{"role": "user", "content": "replaced"}]}
        if isinstance(data.get("metadata"), dict):
            data["metadata"]["_mine"] = "kept"
        data.pop("tools", None)
        return data

    async def async_post_call_success_hook(self, data, user_api_key_dict, response):
        note("post", {"mine": data["metadata"].get("_mine"), "type": type(response).__name__})
        what = data.get("user")
        if what == "return":
            other = response.model_copy(deep=True)
            other.choices[0].message.content = "from the return value"
            return other
        if what == "in place":
            response.choices[0].message.content = "changed in place"
        return response

    async def async_post_call_streaming_iterator_hook(self, user_api_key_dict, response, request_data):
        what = request_data.get("user")
        chunks = 0
        if what == "hold":
            note("held", True)
            while not os.path.exists(os.path.join(DIR, "go")):
                await asyncio.sleep(0.01)
        async for chunk in response:
            chunks += 1
            if what == "strings":
                continue
            yield chunk
            if what == "http error":
                raise HTTPException(503, detail={"error": "said in mid-stream"})
            if what == "error":
                raise ValueError("said in mid-stream")
        if what == "strings":
            yield text("a line of my own")
        note("end", {"chunks": chunks, "mine": request_data["metadata"].get("_mine"),
                     "type": type(chunk).__name__})
`;

let dir: string;
let model: ScriptedModel;
let litellm: RunningLiteLLM;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-hooks-'));
  model = await startScriptedModel({ answer: () => ({ text: 'Hello.' }) });
  const demo = { model: 'openai/demo', api_base: model.url, api_key: 'none' };
  const config = {
    model_list: [{ model_name: 'demo', litellm_params: demo }],
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY' },
    litellm_settings: { num_retries: 0 },
    guardrails: [
      {
        guardrail_name: 'probe',
        litellm_params: { guardrail: 'probe.Probe', mode: ['pre_call', 'post_call'], default_on: true },
      },
    ],
    // A section LiteLLM does not know.
    toolturn: { inject: 'auto' },
  };
  writeFileSync(join(dir, 'probe.py'), probe);
  writeFileSync(join(dir, 'config.yaml'), stringify(config));
  litellm = await startLiteLLM({
    configPath: join(dir, 'config.yaml'),
    env: { LITELLM_MASTER_KEY: key },
    logFile: join(dir, 'litellm.log'),
  });
}, 180_000);

afterAll(async () => {
  await litellm?.stop();
  await model?.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(() => {
  model.reset();
  model.answerWith(() => ({ text: 'Hello.' }));
  for (const name of ['pre', 'post', 'end', 'held']) rmSync(join(dir, `${name}.json`), { force: true });
});

const ask = (body: object, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(`${litellm.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers },
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }], ...body }),
    ...(signal === undefined ? {} : { signal }),
  });
const noted = (name: string) =>
  JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) as Record<string, unknown>;
const isNoted = (name: string) =>
  waitUntil(async () => existsSync(join(dir, `${name}.json`)), { timeoutMs: 20_000, what: `note ${name}` });

describe('the pre-call hook', () => {
  it('replaces the request by what it returns', async () => {
    await ask({ user: 'replace' });
    expect(model.requests[0]?.body['messages']).toEqual([{ role: 'user', content: 'replaced' }]);
  });

  it('refuses with a clean error by HTTPException', async () => {
    const response = await ask({ user: 'refuse' });
    expect(response.status).toBe(418);
    expect(await response.text()).toContain('refused by the hook');
    expect(model.requests).toEqual([]);
  });

  it('sees all headers of the client in raw_headers, the key included, and elsewhere no credential', async () => {
    await ask({}, { 'x-mcp-servers': 'notes' });
    const { raw, headers, url } = noted('pre');
    expect(raw).toMatchObject({ authorization: `Bearer ${key}`, 'x-mcp-servers': 'notes' });
    expect(JSON.stringify(headers)).not.toContain(key);
    expect(url).toContain('/v1/chat/completions');
  });

  it('sees the key as a hash', async () => {
    await ask({});
    expect(noted('pre')['key']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('gets tools: "auto" as the word', async () => {
    expect((await ask({ tools: 'auto' })).status).toBe(200);
    expect(noted('pre')['tools']).toBe('auto');
  });

  it('runs for other routes too', async () => {
    await fetch(`${litellm.url}/v1/embeddings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'demo', input: 'Hi' }),
    });
    expect(noted('pre')['url']).toContain('/v1/embeddings');
  });
});

describe('the post-call hook', () => {
  const answer = async (user: string): Promise<string> => {
    const body = (await (await ask({ user })).json()) as { choices: { message: { content: string } }[] };
    return body.choices[0]?.message.content ?? '';
  };

  it('cannot replace the response by what it returns', async () => {
    expect(await answer('return')).toBe('Hello.');
  });

  it('changes the response in place', async () => {
    expect(await answer('in place')).toBe('changed in place');
  });

  it('finds what the pre-call hook put into the metadata, which the provider never gets', async () => {
    await answer('');
    expect(noted('post')).toEqual({ mine: 'kept', type: 'ModelResponse' });
    expect(JSON.stringify(model.requests[0]?.body)).not.toContain('_mine');
  });
});

describe('the iterator hook', () => {
  const stream = async (user: string): Promise<string> => (await ask({ stream: true, user })).text();

  it('gets typed chunks and the metadata of the pre-call hook', async () => {
    await stream('');
    expect(noted('end')).toMatchObject({ mine: 'kept', type: 'ModelResponseStream' });
  });

  it('may drop chunks and add strings of bare JSON; LiteLLM frames them and ends with [DONE]', async () => {
    const body = await stream('strings');
    expect(body).toMatch(/^data: \{[^\n]*"a line of my own"[^\n]*\}\n\n/);
    expect(body).not.toContain('Hello.');
    expect(body.trimEnd().split('\n').at(-1)).toBe('data: [DONE]');
  });

  it('ends the stream without an error and without [DONE] when it raises an HTTPException', async () => {
    const body = await stream('http error');
    expect(body).toContain('Hello.');
    expect(body).not.toContain('said in mid-stream');
    expect(body).not.toContain('[DONE]');
  });

  it('shows the client a Python traceback when it raises anything else', async () => {
    expect(await stream('error')).toMatch(/said in mid-stream[^]*Traceback/);
  });

  it('holds back the response headers until its first chunk', async () => {
    let settled = false;
    const response = ask({ stream: true, user: 'hold' }).finally(() => (settled = true));
    await isNoted('held');
    expect(settled).toBe(false);
    writeFileSync(join(dir, 'go'), '');
    expect((await response).status).toBe(200);
    await (await response).text();
  });

  it('runs to the end of the model’s stream after the client has gone', async () => {
    const gone = gate();
    model.answerWith(() => ({
      stream: async (out) => {
        out.delta({ role: 'assistant', content: 'one' });
        await gone.opened;
        for (const content of ['two', 'three', 'four']) out.delta({ content });
        out.delta({}, { finishReason: 'stop' });
        out.done();
      },
    }));
    const client = new AbortController();
    const response = await ask({ stream: true, user: '' }, {}, client.signal);
    await response.body?.getReader().read();
    client.abort();
    gone.open();
    await isNoted('end');
    expect(noted('end')['chunks']).toBeGreaterThanOrEqual(4);
  });
});
