import { figure } from '../figures';
import type { Lab } from '../parts/lab';
import { ofTurns, watched } from '../parts/redis-watch';
import { question } from '../parts/script';
import { postHook, preCalls } from './hook-subjects';
import { added, latencies, ratio, type Context, type Row } from './row';

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

const turns = 100;
const subjects = {
  kept: '50 hidden rounds',
  stranger: 'the same text of a stranger',
  one: 'one message of that size',
};
const caller = (name: string) => ({ hash: `hash-of-${name}`, alias: name });
const sentence = 'It stands in the report of last year, on the page about what has changed since. ';

/** Every second turn of the conversation had a call, which the client never saw. */
export const ledger: Row = {
  name: 'ledger',
  title: 'Ledger: a conversation of 200 messages with 50 hidden rounds, before the call',
  async run(context) {
    const { lab, many } = context;
    const redis = await lab.redis();
    const hook = await lab.hook({ redis });
    const history = await conversation(lab, hook.url);
    const size = JSON.stringify(history).length;
    const asked = [
      preCalls(lab, hook.url, subjects.kept, { history, callers: [caller('owner')] }),
      preCalls(lab, hook.url, subjects.stranger, { history, callers: [caller('stranger')] }),
      preCalls(lab, hook.url, subjects.one, {
        history: [
          { role: 'user', content: sentence.repeat(Math.ceil(size / sentence.length)).slice(0, size) },
        ],
        callers: [caller('owner')],
      }),
    ];
    const times = await latencies(context, asked, { rounds: 40, each: 5 });
    const trips = await roundTrips(context, redis.url, asked[0] ?? raise(), many(50));
    await lab.stop(hook, redis);
    const total = times('total');
    return {
      figures: [
        added('p50 added', total, subjects.kept, subjects.one, { reach: { most: 3 } }),
        added('p50 added', total, subjects.stranger, subjects.one),
        ratio('p50', total, subjects.kept, subjects.one),
        figure({
          what: 'Redis round trips of one request',
          subject: subjects.kept,
          unit: 'round trips',
          value: trips,
          low: trips,
          high: trips,
          reach: { most: 1 },
          of: [],
        }),
      ],
      notes: [
        `“${subjects.one}” has as many bytes to carry and to parse, and no past answer to look up. The answer to “${subjects.kept}” is larger by what it puts back.`,
        'Round trips are commands that Redis was sent for keys of turns, counted with MONITOR; a script is one.',
      ],
    };
  },
};

/** Has the conversation, turn by turn; gives it as the client sees it. Fails where a round is not put back in the end. */
async function conversation(lab: Lab, url: string): Promise<readonly Message[]> {
  const history: Message[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const asked: Message = { role: 'user', content: `${sentence}${question('tool', `past-${turn}`)}` };
    const said =
      turn % 2 === 0
        ? `${sentence}That was turn ${turn}.`
        : await turnWithCall(lab, url, [...history, asked]);
    history.push(asked, { role: 'assistant', content: said });
  }
  const { set } = await postHook(
    lab,
    `${url}/hooks/pre-call`,
    request([...history, { role: 'user', content: 'And?' }]),
  );
  const messages = (set as { messages?: readonly { role: string }[] } | undefined)?.messages ?? [];
  const restored = messages.filter(({ role }) => role === 'tool').length;
  if (restored !== turns / 2)
    throw new Error(`${restored} hidden results were put back in place of ${turns / 2}.`);
  return history;
}

async function turnWithCall(lab: Lab, url: string, messages: readonly Message[]): Promise<string> {
  const before = request(messages);
  const armed = await postHook(lab, `${url}/hooks/pre-call`, before);
  const word = messages.at(-1)?.content.split(' ').at(-1) ?? '';
  const called = { name: 'bench__lookup', arguments: JSON.stringify({ word }) };
  const message = {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: `call_${word}`, type: 'function', function: called }],
  };
  const body = { ...before.body, ...(armed['set'] as object) };
  const response = {
    id: word,
    object: 'chat.completion',
    created: 1,
    model: 'bench',
    choices: [{ index: 0, finish_reason: 'tool_calls', message }],
  };
  const finished = await postHook(lab, `${url}/hooks/post-call`, {
    ...before,
    body,
    turn: armed['turn'],
    response,
  });
  const answer = finished['response'] as { choices: readonly { message: { content: string } }[] };
  return answer.choices[0]?.message.content ?? '';
}

const request = (messages: readonly Message[]) => ({
  url: 'http://litellm/v1/chat/completions',
  headers: {},
  key: caller('owner'),
  body: { model: 'bench', messages },
});

async function roundTrips(
  { lab }: Context,
  redisUrl: string,
  subject: Parameters<typeof lab.load.block>[0]['subject'],
  requests: number,
): Promise<number> {
  const { commands } = await watched(redisUrl, () => lab.load.block({ subject, clients: 1, requests }));
  return commands.filter(ofTurns).length / requests;
}

function raise(): never {
  throw new Error('There is no subject.');
}
