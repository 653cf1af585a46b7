/**
 * The safety checklist. A test that belongs to a row names its id at the beginning of its words; `also` lists tests
 * that belong to it under words of their own. docs/SAFETY.md is made from both.
 */
export interface SafetyRow {
  readonly id: string;
  readonly tried: string;
  readonly expected: string;
  /** Names of tests by file; each has to exist. */
  readonly also?: Readonly<Record<string, readonly string[]>>;
  /** What of the row no test shows, and why. */
  readonly untested?: string;
}

export interface SafetyPart {
  readonly title: string;
  readonly rows: readonly SafetyRow[];
}

const unit = 'hook-service/src';
const real = 'tests/integration';

export const safety: readonly SafetyPart[] = [
  {
    title: 'Hooks and callers',
    rows: [
      {
        id: 'A1',
        tried: 'no shared secret, a wrong one, one of another length',
        expected: '401, compared in constant time, without an echo of the body, and counted',
        also: {
          [`${real}/faults.test.ts`]: [
            'a hook call that is repeated is refused with 401 and without an echo of the body with …',
          ],
          [`${real}/reload.test.ts`]: [
            'an env file that brings the door a new secret lets the old one in as long as its turns may live, and no longer',
          ],
        },
        untested:
          'that the comparison takes the same time for every secret: a test of times would be one of the machine. The code compares SHA-256 digests with `timingSafeEqual`.',
      },
      {
        id: 'A2',
        tried:
          'a body that is too large, nested 80,000 deep, no UTF-8, cut off, or full of `__proto__` and `constructor`',
        expected: '413 or 400 in words; no crash, no changed prototype',
        also: {
          [`${unit}/core/arguments.test.ts`]: [
            'the arguments a model wrote with __proto__ in them change no prototype',
          ],
          [`${unit}/http/lines.test.ts`]: ['lines that are no stream are refused: …'],
          [`${real}/mcp-endpoint.test.ts`]: ['/mcp refuses what is no JSON and what is too large'],
        },
      },
      {
        id: 'A3',
        tried: 'a hook that there is not, unknown fields, no messages, `tools: null`, `tool_choice: "none"`',
        expected: 'passed on as it is where that is safe; nothing is offered where the caller said none',
        also: {
          [`${real}/turn.test.ts`]: ['what a request gets is nothing of ours when …'],
          [`${real}/messages.test.ts`]: ['a turn on /v1/messages, … gets nothing of ours with tool_choice …'],
          [`${unit}/dialects/responses.test.ts`]: [
            'the tools of a Responses request get nothing of ours beside them with …',
          ],
          [`${unit}/dialects/generate-content-tools.test.ts`]: [
            'an offer to a generateContent request is not made where …',
          ],
        },
      },
      {
        id: 'A4',
        tried: 'a client with tools of its own, one with the name of ours',
        expected: 'both are kept; calls of the client go back to the client and never run here',
        also: {
          [`${unit}/core/offer.test.ts`]: ['the offer leaves the client its own names'],
          [`${real}/turn.test.ts`]: [
            'tools of the client are called by the client: the call comes back untouched and nothing of ours runs',
          ],
          [`${real}/turn-stream.test.ts`]: [
            'tools of the client in a stream are called by the client: every chunk of the call comes through as bare LiteLLM would send it',
          ],
          [`${real}/catalog.test.ts`]: [
            'a catalog of 500 tools leaves a client the tool that it calls search_tools itself',
          ],
        },
      },
      {
        id: 'A5',
        tried: 'a hook call that is repeated, two at once, and a second hook without the first',
        expected: 'a call runs at most once',
        also: {
          [`${real}/faults.test.ts`]: [
            'a hook call that is repeated returns the recorded outcome in place of running the tool again, also after a restart of hook-service',
            'a hook call that is repeated joins the running call when both come at once',
          ],
        },
      },
      {
        id: 'A6',
        tried: 'a `Host` or `Origin` that a stranger could own; our ports from outside',
        expected: 'refused; loopback or the internal network by default',
        also: {
          [`${unit}/http/origin.test.ts`]: [
            'what a browser could be made to send is refused with host … and origin …',
          ],
          [`${unit}/bridge/guard.test.ts`]: [
            'a Host that a stranger could own, or that is none, is refused: …',
            'an Origin from elsewhere is refused: …',
          ],
          [`${unit}/config/environment.test.ts`]: ['the secret is enough; the rest has defaults'],
          [`${real}/mcp-endpoint.test.ts`]: ['/mcp refuses a Host that is a public name'],
          [`${real}/bridge.test.ts`]: [
            'the front of a bridge refuses a Host that a stranger could own and a foreign Origin, and takes what is allowed',
          ],
          [`${real}/static-compose.test.ts`]: ['every service has no port on the host, but LiteLLM its 4000'],
        },
      },
      {
        id: 'A7',
        tried: 'the caller’s key, LiteLLM’s master key and every other secret',
        expected: 'reach no MCP server, log, metric, store, model or error that they are not for',
        also: {
          [`${real}/identity.test.ts`]: [
            'secrets of a caller its LiteLLM key reaches no MCP server, no log, no Redis, and no error',
          ],
          [`${real}/v1-tools.test.ts`]: ['a key reaches no MCP server and no log'],
          [`${unit}/log/log.test.ts`]: [
            'credentials a secret that is known is written nowhere, whatever it stands in',
          ],
        },
      },
    ],
  },
  {
    title: 'From the model to the call',
    rows: [
      {
        id: 'B1',
        tried: 'arguments that are empty, `null`, a list, cut off, doubled, followed by text',
        expected: 'empty means none; what nobody can read is answered with the reason, and the turn goes on',
        also: {
          [`${unit}/core/arguments.test.ts`]: [
            'the arguments a model wrote … are refused with a reason',
            'the arguments a model wrote never make it throw, and what is repaired is repaired for good',
          ],
          [`${real}/turn.test.ts`]: [
            'a turn that is not streamed tells the model about … and goes on',
            'a turn that is not streamed runs a call whose arguments are empty as a call without arguments',
          ],
          [`${real}/providers.test.ts`]: [
            'a model of Anthropic is told about arguments that break off, and goes on',
          ],
        },
      },
      {
        id: 'B2',
        tried: 'a tool that is unknown, nearly right, not for this caller, or switched off',
        expected: 'the model reads that it is not available; nothing runs; the failure is `unknown_tool`',
        also: {
          [`${real}/access.test.ts`]: [
            'a call that the caller may not make reads like a tool that does not exist, reaches no server, and is written down without arguments',
          ],
          [`${real}/catalog.test.ts`]: ['a catalog of 500 tools has nearest names for one that is wrong'],
          [`${real}/tool-settings.test.ts`]: [
            'settings of one tool switch a tool off, for calls by its name too',
          ],
          [`${real}/server-settings.test.ts`]: [
            'a server’s settings in config.yaml refuse a call of a server with api_keys to another key, as not available',
          ],
        },
      },
      {
        id: 'B3',
        tried: 'fifty calls in one round; ids twice, missing, used again in the next round',
        expected: 'a few run at once; one result for each, in order, under an id of its own',
        also: {
          [`${unit}/core/turn.test.ts`]: [
            'a turn runs no more calls at once than it may',
            'a turn sends every call answered exactly once, in order, and each request as a prefix of the next',
          ],
          [`${real}/turn.test.ts`]: [
            'a turn that is not streamed does not run more calls than a turn may make, and tells the model so',
          ],
        },
      },
      {
        id: 'B4',
        tried: 'a model that asks for tools for ever',
        expected:
          'an end at rounds, calls, seconds, tokens and cost: one more answer without tools, which says so',
        also: {
          [`${unit}/core/turn-budget.test.ts`]: [
            'the other limits of a turn end tool work after the last round, after the last call, and where a call was too often for its key',
            'the other limits of a turn end tool work when the tokens of all rounds are used up',
          ],
          [`${unit}/core/turn.test.ts`]: [
            'a turn stops its tools when its time is used up, tells the model, and asks for an answer without tools',
            'a turn fails with a deadline error when the last answer does not come in time either',
          ],
          [`${real}/turn.test.ts`]: [
            'a turn that is not streamed says that no answer was reached when the model does nothing but ask for tools',
          ],
          [`${real}/limits.test.ts`]: [
            'a turn that has used up its tokens must answer',
            'a stream at a limit ends as any other',
          ],
        },
      },
      {
        id: 'B5',
        tried: 'the same call with the same arguments again and again',
        expected: 'the loop guard refuses it and says so',
        also: {
          [`${unit}/core/turn-budget.test.ts`]: [
            'the loop guard refuses a call that came to the same result so many times, whatever the order of its arguments',
          ],
          [`${real}/limits.test.ts`]: [
            'a model that makes the same call again and again is told, then must answer without tools',
          ],
        },
      },
      {
        id: 'B6',
        tried: 'arguments that violate the schema of the tool',
        expected: 'refused before the server sees them, with the field',
        also: {
          [`${real}/arguments.test.ts`]: [
            'the arguments of a call are refused before the server sees them, with the field: …',
          ],
          [`${unit}/core/argument-fit.test.ts`]: [
            'arguments that do not fit a schema are refused with the field and what is expected: …',
          ],
        },
      },
      {
        id: 'B7',
        tried: 'a schema with a regular expression that never ends, a `$ref` to itself or to the network',
        expected: 'a bound in time and depth; nothing is fetched',
        also: {
          [`${real}/arguments.test.ts`]: [
            'the arguments of a call reach the server as they are where the schema refers to the network, and nothing is fetched',
            'the arguments of a call reach the server as they are where the schema refers to itself without end',
            'the arguments of a call cost a turn a second at most where a pattern backtracks for ever, while the process goes on',
            'the thread that compares arguments is ended when a comparison takes too long, and what waits behind it is compared all the same',
          ],
        },
      },
      {
        id: 'B8',
        tried: 'a destructive tool under a policy that does not list it',
        expected: 'refused by the list, whatever the tool says of itself',
        also: {
          [`${real}/mcp-listing.test.ts`]: [
            'the tools of a server are limited to the allowed ones, in the catalog and in calls',
          ],
          [`${unit}/core/access.test.ts`]: [
            'the grants of rules are cut by every denial that fits, also of a rule that grants nothing',
          ],
          [`${real}/static-tools.test.ts`]: ['… withholds what its config.yaml withholds'],
        },
      },
      {
        id: 'B9',
        tried:
          'addresses in arguments that lead inside: metadata services, IPv4 in IPv6, decimal and octal, `file:`, redirects; paths that leave their folder',
        expected:
          'refused where the tool’s addresses are guarded; a server’s own refusal is an error of the tool',
        also: {
          [`${unit}/core/url-guard.test.ts`]: [
            'arguments of a tool whose addresses are guarded are refused with the internal address …',
            'arguments of a tool whose addresses are guarded are refused with …, which …',
          ],
          [`${unit}/mcp/guarded-fetch.test.ts`]: [
            'an address that a public server names is refused where it leads into our network: …',
          ],
          [`${real}/tool-settings.test.ts`]: [
            'a tool whose addresses are guarded is not called with …, and the model reads why',
          ],
          [`${real}/servers-as-composed.test.ts`]: [
            'mcp-filesystem refuses … with …, which leads out of its folder',
          ],
          [`${real}/mcp-real-servers.test.ts`]: [
            'a server from npm filesystem: reads a file, and its refusal of a path outside is a tool error',
          ],
          [`${real}/mcp-oauth.test.ts`]: [
            'a server that wants access tokens cannot redirect the credentials',
          ],
        },
        untested:
          'where a server that Toolturn calls is led by a redirect of its own: hook-service does not see it. tests/servers/fetch-guard.test.ts shows it for mcp-fetch.',
      },
    ],
  },
  {
    title: 'From the result to the model',
    rows: [
      {
        id: 'C1',
        tried: 'results that are far too large: text, a line on stdout, a million parts',
        expected: 'cut, with a note; other servers go on',
        also: {
          [`${unit}/core/result-text.test.ts`]: [
            'a result as text is cut between characters, whatever it holds, and says so',
          ],
        },
      },
      {
        id: 'C2',
        tried: 'content of every type, of none, and of an unknown one',
        expected: 'a defined text for each; nothing is thrown',
        also: {
          [`${unit}/mcp/content.test.ts`]: ['the result of a call is read from any JSON whatsoever'],
        },
      },
      {
        id: 'C3',
        tried: 'results that give orders, hold chat markup, hidden characters or secrets',
        expected: 'data of the tool’s message alone; hidden characters and secrets are taken out',
        also: {
          [`${unit}/core/hidden-text.test.ts`]: [
            'what nobody sees in a text is taken out: …',
            'a mask takes out secrets and passwords in addresses, and leaves paths and short words',
            'a masked result has no secret in any text, and the data of images and files as it was',
          ],
          [`${unit}/core/secret-patterns.test.ts`]: [
            'a result is masked in all that a model may read, counted by pattern, and in data not at all',
            'patterns of the config take time by the length of a text alone, also where a backtracking engine would never end',
          ],
          [`${unit}/core/result-delimiter.test.ts`]: [
            'the words of a tool cannot hold the mark themselves, in whatever letters',
          ],
        },
        untested:
          'whether a model follows an order that stands in a result: that is the model’s. What it may then do is bounded by the rows B2 to B9.',
      },
      {
        id: 'C4',
        tried: 'an error of a tool, of the protocol, a timeout, a crash',
        expected: 'four kinds; the model reads a short text without a stack and without addresses',
        also: {
          [`${unit}/mcp/call-failure.test.ts`]: [
            'the failure of a call by a JSON-RPC error is told without addresses, stack and credentials',
          ],
        },
      },
      {
        id: 'C5',
        tried: 'a result that mentions a tool of another server',
        expected: 'only what the model calls runs; servers are named in order in the record of the turn',
      },
    ],
  },
  {
    title: 'Lists of tools, and where they come from',
    rows: [
      {
        id: 'D1',
        tried: 'one invalid tool among twenty',
        expected: 'nineteen are offered; a warning names the other',
      },
      {
        id: 'D2',
        tried: 'a definition that changes after it was accepted, also in its annotations alone',
        expected: 'another digest: a warning, and by policy withheld or allowed',
        also: {
          [`${unit}/core/tool-pins.test.ts`]: [
            'pins trust the first list of a server whole, and hold what is new or changed after it',
          ],
        },
      },
      {
        id: 'D3',
        tried: 'a tool that takes the name or the place of another one',
        expected: 'each under its server; a warning; the order of servers changes nothing',
        also: {
          [`${unit}/core/naming.test.ts`]: [
            'the name under which a tool is offered stays the same when another server comes behind it',
          ],
        },
      },
      {
        id: 'D4',
        tried: 'endless pages, cursors that repeat, ten thousand tools, a description of 1 MB',
        expected: 'bounds on pages, tools and sizes',
      },
      {
        id: 'D5',
        tried: 'shell metacharacters, environment and secrets in a config',
        expected: 'no shell; only declared environment; no secret in what is logged',
        also: {
          [`${unit}/config/server-checks.test.ts`]: [
            'the programs of servers are only those that stdio.commands lists',
          ],
          [`${unit}/config/load.test.ts`]: [
            'whatever stands in the file no problem ever tells a value of the environment',
          ],
          [`${real}/bridge.test.ts`]: [
            'the front of a bridge takes arguments as they are, without a shell',
            'the front of a bridge gives the server the declared environment only, and keeps it out of log and health',
          ],
          [`${real}/static-secrets.test.ts`]: ['the repository holds no secret'],
        },
      },
      {
        id: 'D6',
        tried: 'instructions and prompts of a server that give orders',
        expected: 'the model does not read them',
      },
    ],
  },
  {
    title: 'Transports',
    rows: [
      {
        id: 'E1',
        tried: 'a session that is forgotten under fifty calls',
        expected: 'one new session; the rest end in words',
      },
      {
        id: 'E2',
        tried: 'event streams that are cut, split or full of comments',
        expected: 'read rightly, or failed at once and not at the deadline',
      },
      {
        id: 'E3',
        tried: 'answers with a wrong id, twice or too late; a flood of notifications',
        expected: 'ignored; memory stays flat',
      },
      {
        id: 'E4',
        tried: 'pages, garbage, redirects, refusals and errors in place of an answer',
        expected: 'told apart; nothing is followed blindly; 401 and 403 are no sign of an old server',
      },
      {
        id: 'E5',
        tried: 'processes that crash, exit, flood, do not end, fork, or do not exist',
        expected: 'started again after pauses, with a cap; others go on; nothing is left behind',
      },
      {
        id: 'E6',
        tried: 'revisions of the protocol that are not ours',
        expected: 'incompatible with the reason; asked again slowly',
      },
      {
        id: 'E7',
        tried: 'a server that hangs for ever at its start',
        expected: 'the others are ready; readiness names it',
      },
      {
        id: 'E8',
        tried: 'a server that fails again and again, then recovers',
        expected: 'fails fast, tries once, closes again',
        also: {
          [`${unit}/mcp/circuit.test.ts`]: [
            'a circuit opens after five failures in a row, and says why',
            'a circuit lets one call try after a time, and closes when that one is answered',
          ],
        },
      },
      {
        id: 'E9',
        tried: 'an SSE server that is restarted',
        expected: 'a new session after each break',
      },
    ],
  },
  {
    title: 'The model’s side, and streams',
    rows: [
      {
        id: 'F1',
        tried:
          'LiteLLM refuses, resets, answers 429 or 500, is slow, stops in mid-stream, ends without an end, writes an error into the stream',
        expected: 'asked again only before anything was read; after that one well-formed error and the end',
        also: {
          [`${real}/turn-stream.test.ts`]: [
            'a streamed turn ends with one error chunk when the model’s stream breaks off in round two',
          ],
          [`${real}/messages.test.ts`]: [
            'a stream on /v1/messages that breaks off in round two ends with one error event',
          ],
          [`${real}/responses.test.ts`]: [
            'a stream of the Responses API ends as failed when the model’s stream breaks off in round two',
          ],
          [`${real}/generate-content.test.ts`]: [
            'what goes wrong in a turn of generateContent in round two of a stream is one error in Google’s form, behind the text, without an end',
          ],
          [`${unit}/dialects/chat-joiner.test.ts`]: [
            'the rounds of a chat stream together do not pass half an answer off as a whole one',
          ],
          [`${real}/faults.test.ts`]: [
            'when hook-service is lost between the offer and the result a stream ends with one error chunk and [DONE], and no chunk holds a call',
          ],
        },
      },
      {
        id: 'F2',
        tried: 'calls in pieces, as real providers send them',
        expected: 'the same calls from each',
        also: {
          [`${unit}/dialects/chat-joiner.test.ts`]: ['a round of a chat stream gives the same calls from …'],
          [`${unit}/dialects/messages-joiner.test.ts`]: [
            'a round of a messages stream gives the same calls from …',
          ],
          [`${unit}/dialects/responses-joiner.test.ts`]: [
            'the rounds of a Responses stream together show what only the end of a response names, as LiteLLM’s converters send it',
          ],
          [`${unit}/dialects/generate-content-joiner.test.ts`]: [
            'a round of a generateContent stream shows the client the same text and calls, however the provider cuts it',
          ],
        },
      },
      {
        id: 'F3',
        tried: 'text, then a call, then text in one turn',
        expected: 'text is kept in order; roles and indices stay consistent',
        also: {
          [`${unit}/dialects/chat-joiner.test.ts`]: [
            'a round of a chat stream loses no text, whatever way it is cut, and never shows a piece of a call of ours',
            'the rounds of a chat stream together have one id, one role, one finish and the sum of usage',
          ],
          [`${unit}/dialects/messages-joiner.test.ts`]: [
            'the rounds of a messages stream together are one message: begun once, blocks counted on, ended once with the sum of usage',
          ],
          [`${unit}/dialects/responses-joiner.test.ts`]: [
            'any rounds of a Responses stream are one well-formed stream, the same wherever the door began to hand events over',
          ],
          [`${real}/turn-stream.test.ts`]: [
            'a streamed turn sends the text of round one to the client before the tool returns',
          ],
        },
      },
      {
        id: 'F4',
        tried: 'the hook’s connection closes during a call',
        expected: 'the call is cancelled at its server, and its outcome is kept',
        also: {
          [`${real}/faults.test.ts`]: [
            'a hook call that is repeated that is given up cancels the tool at its server',
          ],
          [`${real}/sdk-node.test.ts`]: [
            'openai-node may leave in mid-stream: the turn ends, and the next one is as any other',
          ],
        },
      },
      {
        id: 'F5',
        tried: 'a continuation, and a forged mark of one',
        expected: 'ours starts no turn of its own; a forged one is ignored',
        also: {
          [`${real}/continuation-mark.test.ts`]: [
            'a continuation mark means the same to the door and to hook-service: …',
          ],
          'litellm/tests/test_door.py': [
            'a continuation is nothing that a client could make up',
            'before the call a mark that the client wrote is dropped',
          ],
        },
      },
      { id: 'F6', tried: 'a reader that is slow', expected: 'the model waits; memory is bounded' },
    ],
  },
  {
    title: 'State and operation',
    rows: [
      {
        id: 'G1',
        tried:
          'Redis is away at the start, lost in a call, read-only, full, slow, holds another type, has thrown a key out',
        expected: 'the request path keeps its promise, and Redis is used again by itself',
        also: {
          [`${real}/faults.test.ts`]: [
            'while Redis is away turns work, readiness says what is lost, and recovers by itself',
          ],
          [`${real}/redis-state.test.ts`]: [
            'calls in Redis work from memory while the key has the wrong type',
            'the ledger in Redis knows nothing of what is not ours or has the wrong type, and finds the rest',
            'every key in Redis has a scope as hash tag and a time after which it is gone',
          ],
        },
      },
      {
        id: 'G2',
        tried: 'ids that differ in case, Unicode or `:`; ids, marks and headers of another caller',
        expected: 'nobody sees anything of another: state is kept by caller and conversation',
        also: {
          [`${real}/memory.test.ts`]: [
            'a client that sends back only visible text gets nothing of what another caller’s model did',
          ],
          [`${real}/mcp-endpoint.test.ts`]: [
            '/mcp refuses a session of another key or another path, which its owner goes on using',
          ],
          [`${real}/catalog.test.ts`]: [
            'a result that is too long is read on in the next turn, after hook-service was restarted, and under no other key',
          ],
        },
      },
      {
        id: 'G3',
        tried: 'a wrong config while running; a change of one server',
        expected: 'the config before holds; only that server is started anew',
        also: {
          [`${real}/reload.test.ts`]: [
            'a wrong file changes nothing, and says so: every problem at its line and column in one line of the log, and in health',
            'a change of config.yaml of one server gives that one a new session, and what is only asked for each time gives none',
          ],
          [`${real}/reload-under-load.test.ts`]: [
            'no turn fails because of … changes of the config, good and bad, and what did not change stays (seed …)',
          ],
        },
      },
      {
        id: 'G4',
        tried: 'SIGTERM with calls in flight',
        expected: 'they finish; no process is left; exit code 0',
        also: {
          [`${real}/faults.test.ts`]: [
            'a stop of hook-service waits for the turn in flight, ends with exit code 0, and leaves the answer whole',
          ],
          [`${real}/mcp-stdio.test.ts`]: [
            'a stdio server answers calls; its process is gone after the host is closed',
          ],
        },
      },
      {
        id: 'G5',
        tried: 'many calls with random faults',
        expected: 'memory, handles and processes stay flat',
        also: {
          [`${real}/mcp-soak.test.ts`]: [
            'three thousand calls on one warm session cause no process warning and leave no listener behind',
          ],
          [`${real}/turn-memory.test.ts`]: [
            'turns with long answers, one after the other, never fill the heap (stream: …)',
          ],
          'tests/soak/replicas.test.ts': [
            'two replicas under full load, with slow readers and clients that go away: every turn is answered, and nothing grows',
          ],
          'tests/soak/mcp-sessions.test.ts': [
            'ten thousand calls with two hundred kills: each has an end, and nothing grows or is left',
          ],
        },
        untested:
          'an hour at 20 turns a second: that is too long for a suite. `./scripts/test --all` runs minutes of it.',
      },
      {
        id: 'G6',
        tried: 'every call: who, tool, server, decision, outcome, milliseconds, hash of arguments',
        expected: 'in the audit trail, joinable by trace; arguments only where that was asked for',
      },
      {
        id: 'G7',
        tried: 'anything at all: event streams, lines, names, results, configs, arguments, conversations',
        expected: 'nothing but our own errors is thrown; what goes there and back is the same',
        also: {
          [`${unit}/config/load.test.ts`]: [
            'whatever stands in the file loading it gives a config or ConfigInvalid',
          ],
          [`${unit}/core/naming.test.ts`]: [
            'the name under which a tool is offered fits the pattern of all providers and 64 characters, and is the same each time',
            'the name under which a tool is offered leads back to exactly one tool for every tool of a catalog',
          ],
          [`${unit}/core/arguments.test.ts`]: [
            'the arguments a model wrote never make it throw, and what is repaired is repaired for good',
            'an object that is being written is complete exactly at its last brace, whatever it holds and however it is cut',
          ],
          [`${unit}/core/argument-fit.test.ts`]: [
            'arguments and any schema are never changed where they fit, and what was repaired fits and is not repaired again',
          ],
          [`${unit}/mcp/content.test.ts`]: ['the result of a call is read from any JSON whatsoever'],
          [`${unit}/mcp/line-reader.test.ts`]: [
            'the line reader finds the same lines however the bytes are cut',
          ],
          [`${unit}/http/lines.test.ts`]: [
            'a stream of … that comes from the door is the same events wherever its bytes are cut, in the middle of a letter too',
          ],
          [`${unit}/dialects/chat-history.test.ts`]: [
            'any sequence of chat turns goes upstream with every call answered once and in order, each request beginning with the one before',
          ],
          [`${unit}/dialects/messages-joiner.test.ts`]: [
            'the rounds of a messages stream together look the same to the client and to the model whatever way the text and the arguments are cut',
          ],
          [`${unit}/dialects/responses-joiner.test.ts`]: [
            'any rounds of a Responses stream come to what the same rounds come to without a stream',
          ],
        },
      },
    ],
  },
];
