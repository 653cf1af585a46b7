import type { Dialect, OfferedTool, Patch, Round } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { sumUsage } from '../core/usage';
import { addsTo } from './added';
import { keptTools } from './kept-tools';
import { responsesHistory } from './responses-history';
import { answerItem, inputItems, noteItem, readableItems, sendable } from './responses-items';
import { errorEvent, ResponsesJoiner } from './responses-joiner';
import { approvalReplies, questionItems } from './responses-questions';
import { hiddenTurn, restoreHidden } from './responses-restore';
import { joinedEnvelope, messageOf, objectsIn, ownEcho, roundOf, shownItems } from './responses-round';
import { takeBackItems } from './responses-taken-back';
import { withWork } from './responses-work';
import { listedTools, namesBehind, toolList, without } from './tool-list';

/** LiteLLM serves it with and without `/v1`, newer versions also under `/openai`. */
const paths = /^(?:\/openai)?(?:\/v1)?\/responses$/;

const nameIn = (entry: JsonObject): string | undefined =>
  typeof entry['name'] === 'string' ? entry['name'] : undefined;

/** Names the client knows of an entry: a function's or custom tool's, and those inside a namespace (Codex). */
function namesIn(entry: Json): string[] {
  if (!isJsonObject(entry)) return [];
  const name = nameIn(entry);
  if (entry['type'] !== 'namespace') return name === undefined ? [] : [name];
  const inner = objectsIn(entry['tools']).flatMap(namesIn);
  return [...inner, ...(name === undefined ? [] : inner.map((each) => `${name}.${each}`))];
}

const isFunction = (entry: Json): entry is JsonObject =>
  isJsonObject(entry) && entry['type'] === 'function' && nameIn(entry) !== undefined;

function refusal(body: JsonObject, count: number): string | undefined {
  const { input, tools, tool_choice: choice } = body;
  const given = (name: string): boolean => body[name] !== undefined && body[name] !== null;
  if (typeof input !== 'string' && !Array.isArray(input)) return 'the request has no input';
  if (given('tools') && tools !== 'auto' && !Array.isArray(tools)) return 'tools is not a list';
  if (choice === 'none') return 'tool_choice is none';
  // The answer is fetched later, on a route that no hook sees.
  if (body['background'] === true) return 'the request runs in the background';
  // The provider adds every round to its conversation by itself; LiteLLM 1.77.3 does not pass the field on.
  if (given('conversation')) return 'the provider keeps the conversation';
  // A list of tools would take the place of the ones in the template.
  if (given('prompt') && count === 0) return 'the request uses a prompt template';
  // The client insists on a call of its own tools: an offer of ours could only take its place.
  if (count > 0 && (choice === 'required' || isJsonObject(choice)))
    return 'tool_choice asks for a tool of the client';
  return undefined;
}

/** Functions are flat here, and strict unless they say otherwise, which few schemas of MCP servers can be. */
function functionTool({ name, host }: OfferedTool): JsonObject {
  const schema = host.inputSchema;
  return {
    type: 'function',
    name,
    ...(host.description === undefined ? {} : { description: host.description }),
    parameters:
      schema['type'] !== undefined && schema['properties'] !== undefined
        ? schema
        : { type: 'object', properties: {}, ...schema },
    strict: false,
  };
}

/** OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses), as LiteLLM serves it. */
export const responses: Dialect = {
  name: 'responses',

  matches: (path) => paths.test(path),

  keepTools: keptTools,

  clientTools: (body) => listedTools(body, refusal(body, toolList(body).length), namesIn, isFunction),

  offer(body, tools): Patch {
    return { set: { tools: [...toolList(body), ...tools.map(functionTool)] }, remove: [] };
  },

  offered: (body, clientCount) => namesBehind(body, clientCount, namesIn),

  read: (response, turn, roundNumber): Round =>
    roundOf(response, objectsIn(response['output']), turn, roundNumber),

  /**
   * The client's own `previous_response_id` stays and the whole turn goes along, so that it works without `store`,
   * and the last response's state at the provider holds every round.
   */
  next(body, round, outcomes): JsonObject {
    const { output } = messageOf(round);
    const items = sendable(readableItems(output, outcomes), body['store']);
    const results = outcomes.map((outcome) => answerItem(outcome, output));
    // A choice that was forced once would be forced for ever; the model decides from here on.
    return { ...without(body, 'tool_choice'), input: [...inputItems(body), ...items, ...results] };
  },

  ...addsTo('input', inputItems, (body) => without(body, 'tool_choice')),

  withdraw(body, clientCount) {
    const own = toolList(body).slice(0, clientCount);
    return own.length > 0
      ? { ...without(body, 'tool_choice'), tools: own }
      : without(body, 'tools', 'tool_choice', 'parallel_tool_calls');
  },

  forbid: (body) => ({ ...body, tool_choice: 'none' }),

  finish(rounds, handBack, note, isClients = () => false, work, question): JsonObject {
    const last = rounds.at(-1);
    const ids = new Set(handBack.map((call) => call.id));
    const output = rounds.flatMap((round, number) =>
      withWork(shownItems(messageOf(round).output, round === last ? ids : new Set()), work, number),
    );
    const usage = sumUsage(rounds.map((round) => round.usage));
    return {
      ...ownEcho(joinedEnvelope(rounds[0]?.response ?? {}, last?.response ?? {}), isClients),
      output: [
        ...output,
        ...(note === undefined ? [] : [noteItem(messageOf(last).turn, note)]),
        ...(question === undefined ? [] : questionItems(question)),
      ],
      ...(usage === undefined ? {} : { usage }),
    };
  },

  join: (options) => new ResponsesJoiner(options),

  history: responsesHistory,
  hidden: hiddenTurn,
  restore: restoreHidden,
  takeBack: takeBackItems,
  replies: approvalReplies,

  error: errorEvent,
};
