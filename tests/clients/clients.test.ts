/**
 * Real clients, as their packages bring them, through the real LiteLLM and Toolturn. `scripts/test-clients` installs
 * them and runs this; TOOLTURN_CLIENTS names some of them, with commas.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { geminiEntry } from '../support/generate-content-model';
import type { HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';
import { clients, installed, isAskedFor, type Answered, type Client } from './client';
import { questions, startProvider, type Provider, type Question, type Seen } from './provider';
import { models } from './settings';
import { startTap, type Tap } from './tap';
import { startVault } from './vault';

const chosen = clients().filter(({ id }) => isAskedFor(id));
const hidden = 'vault__secret_word';

let provider: Provider;
let fixture: HttpFixture;
let stack: Stack;
/** What only the MCP server knows: new for each conversation. */
let secrets: { word: string; proof: string; note: string };

beforeAll(async () => {
  provider = await startProvider();
  fixture = await startVault(() => `The word is ${secrets.word}. The proof is ${secrets.proof}.`);
  const key = { api_key: 'none' };
  stack = await startStack({
    servers: { vault: { url: fixture.url, transport: 'http' } },
    models: [
      {
        model_name: models.messages,
        litellm_params: {
          model: `anthropic/${models.messages}`,
          api_base: provider.url.replace(/\/v1$/, ''),
          ...key,
        },
      },
      {
        model_name: models.responses,
        litellm_params: { model: `openai/${models.responses}`, api_base: provider.url, ...key },
      },
      geminiEntry(provider.url, models.generateContent),
    ],
  });
  stack.model.answerWith(provider.answer);
}, 240_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await provider?.stop();
});

/** A conversation that was held, and what LiteLLM, the provider and the MCP server saw of it. */
interface Held extends Answered {
  readonly seen: readonly Seen[];
  readonly problems: readonly string[];
  readonly calls: number;
  readonly tap: Pick<Tap, 'exchanges' | 'refused'>;
}

/** Holds a conversation in a folder of its own; where it fails, all that was sent is kept for reading. */
async function hold(
  client: Client,
  asked: readonly Question[],
  stream: boolean,
  ownFirst: boolean,
): Promise<Held> {
  const random = (): string => randomBytes(4).toString('hex');
  secrets = { word: `heron-${random()}`, proof: `moth-${random()}`, note: `larch-${random()}` };
  const home = mkdtempSync(join(tmpdir(), 'toolturn-client-'));
  const work = join(home, 'work');
  mkdirSync(work);
  writeFileSync(join(work, 'note.txt'), `The note says ${secrets.note}.\n`);
  provider.seen.length = 0;
  provider.problems.length = 0;
  provider.own = client.ownTool(work);
  provider.ownFirst = ownFirst;
  fixture.calls.length = 0;
  const tap = await startTap(stack.url);
  let failure: unknown;
  try {
    const own = asked.includes('both');
    const place = { home, work, url: tap.url, key: 'sk-test-alice', own, stream };
    const answered = await client.converse(
      place,
      asked.map((question) => questions[question]),
    );
    return {
      ...answered,
      seen: [...provider.seen],
      problems: [...provider.problems],
      calls: fixture.calls.length,
      tap: { exchanges: [...tap.exchanges], refused: [...tap.refused] },
    };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await tap.stop();
    const recording = join(
      installed,
      'recordings',
      `${client.name}-${asked[0]}${stream ? '-stream' : ''}.json`,
    );
    mkdirSync(join(installed, 'recordings'), { recursive: true });
    const [provided, problems] = [provider.seen, provider.problems];
    writeFileSync(
      recording,
      JSON.stringify(
        { failure: String(failure), secrets, problems, client: tap, provider: provided },
        null,
        1,
      ),
    );
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

const about = (held: Held, question: Question): Seen[] =>
  held.seen.filter((seen) => seen.question === question);
/** Every place where something that is not the client's comes to it, with what stands before and after. */
const leaks = ({ tap, output }: Held): string[] =>
  [output, ...tap.exchanges.map(({ response }) => response)].flatMap(
    (text) => text.match(/[^]{0,80}secret_word[^]{0,40}/g) ?? [],
  );

for (const client of chosen) {
  describe(`${client.name} | ${client.version} | ${client.dialect}`, () => {
    if (client.missing !== undefined) {
      it.skip(`is left out: ${client.missing}`, () => undefined);
      return;
    }

    for (const stream of client.streams) {
      const how = stream ? 'streaming' : 'at once';

      describe(how, () => {
        let plain: Held | undefined;
        let mixed: Held | undefined;
        const held = (which: Held | undefined): Held => {
          if (which === undefined) throw new Error('The conversation was not held to its end: see above.');
          return which;
        };

        it('answer: gets an answer that needed a tool of an MCP server', async () => {
          plain = await hold(client, ['word', 'proof'], stream, false);
          expect(plain.answers[0]).toContain(`The secret word is ${secrets.word}.`);
          expect(about(plain, 'word')[0]?.tools).toContain(hidden);
          expect(plain.calls).toBe(1);
          expect(plain.problems).toEqual([]);
        }, 300_000);

        it('memory: goes on, and the model sees the round that the client never saw', () => {
          const { answers, tap, seen } = held(plain);
          expect(answers[1]).toMatch(/^The proof is moth-\w+\.$/);
          expect(tap.exchanges.map(({ request }) => request).join()).not.toMatch(/moth-|secret_word/);
          const later = seen.filter(({ question }) => question === 'proof');
          expect(later).toHaveLength(1);
          expect(later[0]?.entries.filter((entry) => entry.kind === 'call').map(({ name }) => name)).toEqual([
            hidden,
          ]);
        });

        it('mixed: uses a tool of its own and one of ours in the same round', async () => {
          mixed = await hold(client, ['both', 'proof'], stream, stream);
          expect(mixed.answers[0]).toContain(
            `The secret word is ${secrets.word}. The note says ${secrets.note}.`,
          );
          expect(mixed.answers[1]).toBe(`The proof is ${secrets.proof}.`);
          expect(about(mixed, 'both')).toHaveLength(2);
          expect(mixed.calls).toBe(1);
          expect(mixed.problems).toEqual([]);
        }, 300_000);

        it('hidden: is never told of a tool that it did not send', () => {
          expect([...leaks(held(plain)), ...leaks(held(mixed))]).toEqual([]);
        });

        it('alone: asks for nothing on the internet', () => {
          expect([...held(plain).tap.refused, ...held(mixed).tap.refused]).toEqual([]);
        });
      });
    }
  });
}
