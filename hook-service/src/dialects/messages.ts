import type { Dialect, OfferedTool, Outcome, Patch, Round } from '../core/dialect';
import type { ToolturnError } from '../core/errors';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { sumUsage } from '../core/usage';
import { addsTo, listIn } from './added';
import { keptTools } from './kept-tools';
import {
  asString,
  assistantMessage,
  blocksOf,
  callsIn,
  isCall,
  joinRounds,
  stopReason,
  toolResult,
  visibleText,
  withCallIds,
} from './messages-content';
import { hiddenTurn, messagesHistory, restoreHidden } from './messages-history';
import { MessagesJoiner } from './messages-joiner';
import { takeBackBlocks } from './messages-taken-back';
import { workBlocks } from './messages-work';
import { listedTools, namesBehind, toolList } from './tool-list';

/** LiteLLM serves the API on one path, and newer versions again for the login of Claude Code. Token counts are no turns. */
const paths = /^(?:\/claude_code_gateway)?\/v1\/messages$/;

function toolName(entry: Json | undefined): string | undefined {
  return isJsonObject(entry) && typeof entry['name'] === 'string' ? entry['name'] : undefined;
}

const namesIn = (entry: Json): string[] => [toolName(entry) ?? []].flat();

/** A tool of the client's own making. All others (`web_search_…`, `bash_…`, `computer_…`, `mcp_toolset`) have a type of their own. */
function isCustom(entry: Json | undefined): boolean {
  const type = isJsonObject(entry) ? entry['type'] : 'none';
  return (type === undefined || type === null || type === 'custom') && toolName(entry) !== undefined;
}

function choiceType(body: JsonObject): Json | undefined {
  return isJsonObject(body['tool_choice']) ? body['tool_choice']['type'] : undefined;
}

const isForced = (body: JsonObject): boolean => ['any', 'tool'].includes(asString(choiceType(body)));

function refusal(body: JsonObject, count: number): string | undefined {
  const { tools } = body;
  if (!Array.isArray(body['messages'])) return 'the request has no messages';
  if (tools !== undefined && tools !== null && tools !== 'auto' && !Array.isArray(tools))
    return 'tools is not a list';
  if (choiceType(body) === 'none') return 'tool_choice is none';
  // The client insists on a call of its own tools: an offer of ours could only take its place.
  if (count > 0 && isForced(body)) return 'tool_choice asks for a tool of the client';
  return undefined;
}

/** A tool as the API wants it; `input_schema` must say that it is an object, everything else is the server's own. */
function customTool({ name, host }: OfferedTool): JsonObject {
  const schema = host.inputSchema;
  return {
    name,
    ...(host.description === undefined ? {} : { description: host.description }),
    input_schema: schema['type'] === undefined ? { type: 'object', ...schema } : schema,
  };
}

function without(body: JsonObject, ...names: readonly string[]): JsonObject {
  const copy = { ...body };
  for (const name of names) delete copy[name];
  return copy;
}

/**
 * The request of the next round: a choice that was forced once would be forced for ever, so the model decides from
 * here on; that it may write one call at a time only is kept.
 */
function unforced(body: JsonObject): JsonObject {
  const choice = body['tool_choice'];
  if (!isForced(body) || !isJsonObject(choice)) return body;
  const { disable_parallel_tool_use: single } = choice;
  return single === true
    ? { ...body, tool_choice: { type: 'auto', disable_parallel_tool_use: true } }
    : without(body, 'tool_choice');
}

/** Anthropic's Messages API (https://docs.claude.com/en/api/messages), as LiteLLM serves it. */
export const messages: Dialect = {
  name: 'messages',

  matches: (path) => paths.test(path),

  keepTools: keptTools,

  clientTools: (body) => listedTools(body, refusal(body, toolList(body).length), namesIn, isCustom),

  offer(body, tools): Patch {
    return { set: { tools: [...toolList(body), ...tools.map(customTool)] }, remove: [] };
  },

  offered: (body, clientCount) => namesBehind(body, clientCount, namesIn),

  read(response, turn, roundNumber): Round {
    const received = blocksOf(response['content']);
    const blocks = withCallIds(received, turn, roundNumber);
    const usage = response['usage'];
    return {
      message: assistantMessage(blocks),
      calls: callsIn(blocks, response['stop_reason'] === 'max_tokens'),
      text: visibleText(blocks),
      ...(isJsonObject(usage) ? { usage } : {}),
      response: { ...response, content: [...blocks] },
    };
  },

  next(body, round, outcomes: readonly Outcome[]): JsonObject {
    const before = Array.isArray(body['messages']) ? body['messages'] : [];
    const results = { role: 'user', content: outcomes.map(toolResult) };
    return { ...unforced(body), messages: [...before, round.message, results] };
  },

  ...addsTo('messages', listIn('messages'), unforced),

  withdraw(body, clientCount) {
    const own = toolList(body).slice(0, clientCount);
    return own.length > 0 ? { ...unforced(body), tools: own } : without(body, 'tools', 'tool_choice');
  },

  forbid: (body) => ({ ...body, tool_choice: { type: 'none' } }),

  finish(rounds, handBack, note, _isClients, work): JsonObject {
    const first = rounds[0]?.response ?? {};
    const last = rounds.at(-1)?.response ?? {};
    const kept = new Set(handBack.map((call) => call.id));
    const shown = rounds.map((round, number) => {
      const blocks = blocksOf(round.response?.['content']).filter(
        (block) => !isCall(block) || kept.has(asString(block['id'])),
      );
      const ours = workBlocks(work, number);
      // Calls that the client has to run stand last.
      return ours.length === 0
        ? blocks
        : [...blocks.filter((block) => !isCall(block)), ...ours, ...blocks.filter(isCall)];
    });
    const usage = sumUsage(rounds.map((round) => round.usage));
    return {
      ...last,
      ...(first['id'] === undefined ? {} : { id: first['id'] }),
      ...(first['model'] === undefined ? {} : { model: first['model'] }),
      content: joinRounds(note === undefined ? shown : [...shown, [{ type: 'text', text: note }]]),
      stop_reason: stopReason(last['stop_reason'], handBack.length > 0),
      ...(usage === undefined ? {} : { usage }),
    };
  },

  join: (options) => new MessagesJoiner(options),

  history: messagesHistory,
  hidden: hiddenTurn,
  restore: restoreHidden,
  takeBack: takeBackBlocks,

  error(error: ToolturnError): JsonObject {
    return {
      type: 'error',
      error: { type: errorTypes[error.status] ?? 'api_error', message: error.message },
    };
  },
};

/** Names of errors by their status (https://docs.claude.com/en/api/errors). */
const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};
