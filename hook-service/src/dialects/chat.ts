import type { Dialect, OfferedTool, Outcome, Patch, Round, ToolCall } from '../core/dialect';
import type { ToolturnError } from '../core/errors';
import { asText, isJsonObject, type Json, type JsonObject } from '../core/json';
import { sumUsage } from '../core/usage';
import { addsTo, listIn } from './added';
import { ChatJoiner } from './chat-joiner';
import { chatHistory, hiddenTurn, restoreHidden } from './chat-history';
import { chatMessage, readableCalls, uniqueCalls } from './chat-message';
import { reasoningWith, takeBackNotes } from './chat-work';
import { keptTools } from './kept-tools';
import { joinTexts } from './text';
import { listedTools, namesBehind, toolList, without } from './tool-list';

/** LiteLLM serves chat completions on several paths. */
const paths =
  /^(?:\/v1)?\/chat\/completions$|^\/openai\/deployments\/.+\/chat\/completions$|^\/engines\/.+\/chat\/completions$/;

/** The name of an entry of `tools`: a function's, or a custom tool's. */
function toolName(entry: Json | undefined): string | undefined {
  if (!isJsonObject(entry)) return undefined;
  const inner = entry['function'] ?? entry['custom'];
  const name = isJsonObject(inner) ? inner['name'] : undefined;
  return typeof name === 'string' ? name : undefined;
}

const namesIn = (entry: Json): string[] => [toolName(entry) ?? []].flat();

function refusal(body: JsonObject, count: number): string | undefined {
  const { tools, tool_choice: choice, n, functions } = body;
  if (!Array.isArray(body['messages'])) return 'the request has no messages';
  if (tools !== undefined && tools !== null && tools !== 'auto' && !Array.isArray(tools))
    return 'tools is not a list';
  if (choice === 'none') return 'tool_choice is none';
  if (typeof n === 'number' && n > 1) return 'n is above 1';
  if (functions !== undefined && functions !== null) return 'the request uses the older functions field';
  // The client insists on a call of its own tools: an offer of ours could only take its place.
  if (count > 0 && (choice === 'required' || isJsonObject(choice)))
    return 'tool_choice asks for a tool of the client';
  return undefined;
}

/** An object schema with both fields that providers insist on; everything else is the server's own. */
function parameters(schema: JsonObject): JsonObject {
  return schema['type'] !== undefined && schema['properties'] !== undefined
    ? schema
    : { type: 'object', properties: {}, ...schema };
}

function functionTool(tool: OfferedTool): JsonObject {
  return {
    type: 'function',
    function: {
      name: tool.name,
      ...(tool.host.description === undefined ? {} : { description: tool.host.description }),
      parameters: parameters(tool.host.inputSchema),
    },
  };
}

function firstMessage(response: JsonObject): JsonObject {
  const choices = response['choices'];
  const choice: Json | undefined = Array.isArray(choices) ? choices[0] : undefined;
  const message = isJsonObject(choice) ? choice['message'] : undefined;
  return isJsonObject(message) ? message : {};
}

/** OpenAI chat completions (https://platform.openai.com/docs/api-reference/chat), as LiteLLM serves them. */
export const chat: Dialect = {
  name: 'chat',

  matches: (path) => paths.test(path),

  keepTools: keptTools,

  clientTools: (body) =>
    listedTools(
      body,
      refusal(body, toolList(body).length),
      namesIn,
      (entry) => toolName(entry) !== undefined,
    ),

  offer(body, tools): Patch {
    return { set: { tools: [...toolList(body), ...tools.map(functionTool)] }, remove: [] };
  },

  offered: (body, clientCount) => namesBehind(body, clientCount, namesIn),

  read(response, turn, roundNumber): Round {
    const received = firstMessage(response);
    const message = chatMessage({ ...received, ...uniqueCalls(received['tool_calls'], turn, roundNumber) });
    const usage = response['usage'];
    return {
      message,
      calls: callsOf(message),
      text: typeof message['content'] === 'string' ? message['content'] : '',
      ...(isJsonObject(usage) ? { usage } : {}),
      response,
    };
  },

  next(body, round, outcomes: readonly Outcome[]): JsonObject {
    const messages = Array.isArray(body['messages']) ? body['messages'] : [];
    // A choice that was forced once would be forced for ever; the model decides from here on.
    return {
      ...without(body, 'tool_choice'),
      messages: [...messages, readableCalls(round.message, outcomes), ...outcomes.map(toolMessage)],
    };
  },

  ...addsTo('messages', listIn('messages'), (body) => without(body, 'tool_choice')),

  withdraw(body, clientCount) {
    const own = toolList(body).slice(0, clientCount);
    return own.length > 0
      ? { ...without(body, 'tool_choice'), tools: own }
      : without(body, 'tools', 'tool_choice', 'parallel_tool_calls');
  },

  forbid: (body) => ({ ...body, tool_choice: 'none' }),

  finish(rounds, handBack, note, _isClients, work): JsonObject {
    const first = rounds[0]?.response ?? {};
    const last = rounds.at(-1);
    const response = last?.response ?? {};
    const text = joinTexts([...rounds.map((round) => round.text), note ?? '']);
    const usage = sumUsage(rounds.map((round) => round.usage));
    const kept = new Set(handBack.map((call) => call.id));
    const choices = Array.isArray(response['choices']) ? response['choices'] : [];
    const choice = isJsonObject(choices[0]) ? choices[0] : {};
    const message = isJsonObject(choice['message']) ? choice['message'] : {};
    const calls = Array.isArray(last?.message['tool_calls']) ? last.message['tool_calls'] : [];
    const own = calls.filter(
      (call) => isJsonObject(call) && typeof call['id'] === 'string' && kept.has(call['id']),
    );
    return {
      ...response,
      ...(first['id'] === undefined ? {} : { id: first['id'] }),
      ...(first['created'] === undefined ? {} : { created: first['created'] }),
      choices: [
        {
          ...choice,
          finish_reason: own.length > 0 ? 'tool_calls' : endReason(choice['finish_reason']),
          message: {
            ...without(message, 'tool_calls'),
            content: text === '' && own.length > 0 ? (message['content'] ?? null) : text,
            ...reasoningWith(message, work),
            ...(own.length > 0 ? { tool_calls: own } : {}),
          },
        },
      ],
      ...(usage === undefined ? {} : { usage }),
    };
  },

  join: (options) => new ChatJoiner(options),

  history: chatHistory,
  hidden: hiddenTurn,
  restore: restoreHidden,
  takeBack: takeBackNotes,

  error(error: ToolturnError): JsonObject {
    return { error: { message: error.message, type: error.code, param: null, code: String(error.status) } };
  },
};

/** An answer without calls cannot have ended because of calls. */
function endReason(reason: Json | undefined): Json {
  return reason === 'tool_calls' || reason === undefined || reason === null ? 'stop' : reason;
}

function callsOf(message: JsonObject): ToolCall[] {
  const calls = Array.isArray(message['tool_calls']) ? message['tool_calls'] : [];
  return calls.filter(isJsonObject).map((call) => {
    const inner = isJsonObject(call['function'])
      ? call['function']
      : isJsonObject(call['custom'])
        ? call['custom']
        : {};
    const written = inner['arguments'] ?? inner['input'];
    return {
      id: asText(call['id']),
      name: typeof inner['name'] === 'string' ? inner['name'] : '',
      arguments:
        typeof written === 'string'
          ? written
          : written === undefined || written === null
            ? ''
            : JSON.stringify(written),
    };
  });
}

function toolMessage(outcome: Outcome): JsonObject {
  return { role: 'tool', tool_call_id: outcome.call.id, content: outcome.text };
}
