import type { Failure } from './failure-policy';

/** Makes the rows keep their own types, so that the compiler knows which of them has an error or a line. */
const rows = <const T extends Readonly<Record<string, Failure>>>(table: T): T => table;

const away = "the client's next request";
const answered = 'an answer';

/** The door, which stands in LiteLLM and is written in Python: its texts are compared with these. */
const door = rows({
  hookAway: {
    what: 'hook-service is away before the call, or does not answer within 10 s (4 s to connect)',
    fails: 'open',
    client:
      'an answer without tools; `x-litellm-applied-guardrails: toolturn-unavailable`, not streaming also `x-toolturn: unavailable`',
    logged: 'LiteLLM: warning with the kind of error',
    recovery: 'the next request',
    door: { level: 'warning', line: 'no tools are offered, hook-service is away' },
  },
  secretsDiffer: {
    what: 'the secrets of door and hook-service differ',
    fails: 'open',
    client: 'as above',
    logged: 'LiteLLM: the same warning; hook-service: `request refused`, 401',
    recovery: 'setting them right; during a change hook-service accepts several',
    error: {
      code: 'unauthorized',
      message: 'The header x-toolturn-secret is missing or does not hold the shared secret.',
    },
  },
  lostWhole: {
    what: 'hook-service is lost after the offer, not streaming',
    fails: 'closed',
    client: '503 "Toolturn was lost while a tool was in use. …"',
    logged: 'LiteLLM: error',
    recovery: `${away}, which goes on from the outcomes that are recorded`,
    door: {
      level: 'error',
      line: 'hook-service was lost during a turn',
      status: 503,
      message: 'Toolturn was lost while a tool was in use. Nothing is wrong with the request: send it again.',
    },
  },
  lostStream: {
    what: 'hook-service is lost after the offer, streaming',
    fails: 'closed',
    client: 'the text so far, one error chunk with code 503, `[DONE]`',
    logged: 'LiteLLM: error',
    recovery: 'as above',
    door: {
      level: 'error',
      line: 'hook-service was lost during a stream',
      status: 503,
      message: 'Toolturn was lost while a tool was in use. Nothing is wrong with the request: send it again.',
    },
  },
  lostApproved: {
    what: 'hook-service is lost while calls run that a person has approved',
    fails: 'closed',
    client: '503 as above, before anything of a stream',
    logged: 'LiteLLM: error',
    recovery: `${away}, which gets the outcomes that are recorded`,
    door: {
      level: 'error',
      line: 'hook-service was lost during approved calls',
      status: 503,
      message: 'Toolturn was lost while a tool was in use. Nothing is wrong with the request: send it again.',
    },
  },
  turnFailed: {
    what: 'hook-service refuses or fails a turn',
    fails: 'closed',
    client: 'its message and status, as error or error chunk',
    logged: 'hook-service: `turn finished` with the error; a defect with its cause',
    recovery: 'depends on the message',
    error: { code: 'internal', message: 'Toolturn failed to finish this turn; its log says why.' },
    lines: { defect: ['error', 'a turn failed'] },
  },
  reportLost: {
    what: "hook-service, for LiteLLM's log of a model call",
    fails: 'open',
    client: 'nothing',
    logged: 'LiteLLM: debug',
    recovery: 'nothing: the call is counted as dropped, and its cost is missing',
    door: { level: 'debug', line: 'model calls were not reported' },
  },
  keyUnchecked: {
    what: 'LiteLLM, when a key is to be checked for `/v1/tools` or `/mcp`',
    fails: 'closed',
    client: '503; 502 where the door is not loaded or has another secret',
    logged: '`request refused` with the reason',
    recovery: away,
    error: {
      code: 'shutting_down',
      message: 'LiteLLM could not be asked whose key this is: it is away.',
    },
  },
});

/** What is kept: Redis, and memory in its place. */
const stores = rows({
  redis: {
    what: 'Redis',
    fails: 'open',
    client: 'nothing',
    logged: 'hook-service: a warning when it is lost, a line when it is back',
    recovery:
      'reconnects by itself, with pauses from 0.15 to about 6 s. Meanwhile memory takes its place, no request waits longer than 0.5 s, and what is kept is lost at a restart or on another replica',
    lines: {
      lost: ['warn', 'redis is lost: outcomes and hidden rounds are kept in memory only'],
      once: ['warn', 'redis failed, memory is used instead'],
      back: ['info', 'redis is back'],
    },
  },
  store: {
    what: 'claims, outcomes, turns, the ledger, counts or kept results, where memory cannot take their place either',
    fails: 'open',
    client: 'nothing: a call runs without a claim, and its outcome is not kept',
    logged: 'a warning each time, with what was not kept',
    recovery: 'the next call',
    lines: {
      claim: ['warn', 'a call runs without a claim: the store failed'],
      outcome: ['warn', 'the outcome of a call was not recorded'],
      repeat: ['warn', 'it is not known whether a request repeats a turn: the store failed'],
      turn: ['warn', 'a turn is not known to those who repeat it: the store failed'],
      hidden: ['warn', 'the hidden part of a turn was not kept'],
      rest: ['warn', 'the rest of a result was not kept'],
      rate: ['warn', 'a call was not counted against its rate'],
      usage: ['warn', 'what a turn used was not counted against its limits'],
      kept: ['warn', 'kept results cannot be read'],
      result: ['warn', 'a result was not kept'],
    },
  },
  approvals: {
    what: 'the store, when a person was or is to be asked about a call',
    fails: 'closed',
    client: `${answered}; the model reads that the call was not run and the person has to be asked again`,
    logged: 'a warning',
    recovery: 'the next question',
    told: {
      text: 'This call was not run: a person has to approve it, and the question about it is not known any more. If it is still wanted, make the call again: the person is asked again.',
    },
    lines: {
      answer: ['warn', 'it is not known whether a call was approved: the store failed'],
      ask: ['warn', 'a person is not asked about a call: the question cannot be kept'],
      full: ['warn', 'a person is not asked about a call: too many questions wait'],
    },
  },
  dataKey: {
    what: 'what stands in Redis was encrypted with a key that is gone',
    fails: 'open',
    client:
      'an answer without that memory; of a call that it claimed the model reads that its fate is unknown',
    logged: '',
    recovery: '`TOOLTURN_DATA_KEY_PREVIOUS`',
  },
  fateUnknown: {
    what: 'the replica that ran a call died, or its claim cannot be read',
    fails: 'closed',
    unless: 'open where the tool is declared read-only or idempotent: it runs again',
    client: `${answered}; the model reads that it is not known whether the call ran`,
    logged: '`turn finished` with `unknown_fate`',
    recovery: 'the model, which can look',
    told: {
      text: 'It is not known whether the call of {tool} ran, so it was not run again. Check before you repeat it.',
    },
  },
  metrics: {
    what: 'Redis, for metrics',
    fails: 'open',
    client: 'nothing',
    logged: 'a warning once, a line when it is back',
    recovery:
      'what was counted waits in memory, in bounded space, and is sent when Redis is back; rows that find no place are dropped and counted',
    lines: {
      lost: ['warn', 'metrics do not reach Redis; they are counted in memory'],
      back: ['info', 'metrics reach Redis again'],
    },
  },
  audit: {
    what: 'Redis, for the audit trail',
    fails: 'open',
    client: 'nothing',
    logged: 'a warning once, a line when it is back; a warning with the number of entries that were lost',
    recovery:
      'entries wait in memory, 10,000 at most, and are sent when Redis is back; how many were lost stands in the trail',
    lines: {
      lost: ['warn', 'the audit trail is not kept: entries wait in memory'],
      back: ['info', 'the audit trail is kept again'],
      dropped: ['warn', 'entries of the audit trail were lost'],
    },
  },
  traces: {
    what: 'the collector of traces',
    fails: 'open',
    client: 'nothing',
    logged: 'a warning when spans are lost, a line when they are sent again',
    recovery: 'the next batch; what waits beyond 2048 spans is lost',
    lines: {
      lost: ['warn', 'traces cannot be sent and are lost'],
      back: ['info', 'traces are sent again'],
    },
  },
  observer: {
    what: 'one of those who watch turns: metrics, audit, traces, the console',
    fails: 'open',
    client: 'nothing',
    logged: 'an error, once',
    recovery: 'the next event',
    lines: { failed: ['error', 'an observer of turns failed'] },
  },
});

/** MCP servers and their tools. What a model reads stands behind "The tool <name> ". */
const tools = rows({
  serverAway: {
    what: 'an MCP server cannot be reached',
    fails: 'open',
    client: `${answered}; the model reads that the tool is not available and was not run`,
    logged: 'a warning with the reason, once',
    recovery:
      'reconnects by itself, with pauses from 0.25 to 30 s; a call waits for that up to 5 s. Its tools stay on offer for a minute, then go until it is back',
    lines: {
      lost: ['warn', 'MCP server {server} was lost: {reason}'],
      notConnected: ['warn', 'MCP server {server} cannot be connected: {reason}'],
      back: ['info', 'MCP server {server} is connected'],
    },
    told: {
      text: 'is not available now: its server cannot be reached. The call was not run.',
      refused: 'could not be reached. The call was not run.',
    },
  },
  sessionLost: {
    what: 'an MCP server forgets the session, or refuses the connection',
    fails: 'open',
    client: 'nothing',
    logged: '',
    recovery: 'a new session within the same call',
  },
  noRevision: {
    what: 'an MCP server shares no revision of the protocol with us',
    fails: 'open',
    client: 'as where it cannot be reached',
    logged: 'a warning with the versions, once',
    recovery: 'asked again every 5 minutes',
  },
  serverFails: {
    what: 'an MCP server fails five calls in a row',
    fails: 'open',
    client: `${answered}; the model reads at once that the tool is not available and was not run`,
    logged: 'a warning, and a line when it answers again',
    recovery: 'one call tries after 5 to 60 s, or a new session',
    lines: {
      opened: ['warn', 'MCP server {server} gets no calls for a while: {reason}'],
      back: ['info', 'MCP server {server} answers calls again'],
    },
    told: { text: 'is not available now: its server failed again and again. The call was not run.' },
  },
  noToken: {
    what: 'no access token for an MCP server',
    fails: 'open',
    client: 'as where it cannot be reached',
    logged: 'a warning with the reason, without credentials',
    recovery: 'the next attempt to connect or call',
    told: { text: 'is not available: its server could not be given an access token.' },
  },
  programEnds: {
    what: 'the program of an MCP server ends again and again in vain',
    fails: 'open',
    client: 'as where it cannot be reached',
    logged: 'a warning with its exit code',
    recovery: 'started again after growing pauses; after ten in ten minutes, when these are over',
  },
  callBroke: {
    what: 'the connection breaks during a call',
    fails: 'open',
    client: `${answered}; the model reads that it is not known whether the call ran`,
    logged: 'the kind of failure in `turn finished`',
    recovery: 'a second try only where the tool is declared read-only or idempotent',
    told: { text: 'broke off during the call. It is not known whether the call ran.' },
  },
  toolFails: {
    what: 'a tool fails, is unknown, gets bad arguments, takes too long',
    fails: 'open',
    client: `${answered}; the model reads what went wrong`,
    logged: 'as above',
    recovery: 'the model',
  },
  denied: {
    what: 'the caller may not use a tool, or not with these arguments',
    fails: 'closed',
    client: `${answered}; the model reads that the tool is not available, or which values there are`,
    logged: '`a tool call was denied`, without arguments',
    recovery: '',
    lines: { denied: ['info', 'a tool call was denied'] },
  },
  clientCallDenied: {
    what: "the model calls a client's own tool that `client_tools` keeps from the key, or with such an address",
    fails: 'closed',
    client: '403; streaming one error chunk; never the whole call',
    logged: "`a client's own tool was denied`, without arguments",
    recovery: '',
    error: {
      code: 'forbidden',
      message: 'The model called the tool {tool} of the client, and {reason} (toolturn.client_tools).',
    },
  },
  clientToolsUnreadable: {
    what: 'a request whose answer cannot be looked at (`n` above 1, the older `functions`, `background`), where `client_tools` limits the key',
    fails: 'closed',
    client: '400, before the model is asked',
    logged: 'LiteLLM: the error',
    recovery: 'another request',
    error: {
      code: 'bad_request',
      message:
        'This key has limits on tools of the client (toolturn.client_tools), which do not go with this request: {reason}.',
    },
  },
  clientToolsUnread: {
    what: 'hook-service is away, where `client_tools` is set',
    fails: 'open',
    closes: 'TOOLTURN_AWAY=refuse',
    client:
      "as with hook-service away, with all of the client's own tools; with `refuse` 503. As a guardrail of newer LiteLLM: an error, unless its `unreachable_fallback` is `fail_open`",
    logged: 'LiteLLM: warning, or error',
    recovery: 'the next request',
    door: {
      level: 'error',
      line: 'a request is refused, hook-service is away',
      status: 503,
      message:
        'Toolturn is away, and requests are refused without it. Nothing is wrong with the request: send it again.',
    },
  },
  headerRefused: {
    what: "a server refuses a client's own header, or too many clients have sessions there",
    fails: 'open',
    client: `${answered}; the model reads that the tool is not available`,
    logged: 'a warning with the reason',
    recovery: away,
  },
  schema: {
    what: 'a schema cannot be used, or takes longer than a second to evaluate',
    fails: 'open',
    client: 'nothing: arguments go to the server as they are',
    logged: 'a warning, once',
    recovery: 'a thread is ended and started anew',
    lines: { unfit: ['warn', 'arguments of a tool are not compared with its schema'] },
  },
  toolChanged: {
    what: "a tool's definition changed",
    fails: 'open',
    closes: 'pins.policy: hold',
    client: 'the tool, or with `hold` an answer without it',
    logged: 'a warning, once; with `hold` `/health/ready` counts it',
    recovery: '`toolturn tools --accept`',
  },
  pinsUnread: {
    what: 'the pins cannot be read',
    fails: 'open',
    closes: 'pins.policy: hold',
    client: 'as above, for all tools',
    logged: 'a warning; with `hold` an error for each server',
    recovery: 'read again every 10 s',
    lines: {
      unread: ['warn', 'the pins of tools cannot be read'],
      withheld: ['error', 'The tools of MCP server {server} are withheld: the pins cannot be read'],
    },
  },
  toolMalformed: {
    what: 'one tool definition is malformed',
    fails: 'open',
    client: 'the other tools of its server',
    logged: 'a warning',
    recovery: "the server's next list",
    lines: { malformed: ['warn', 'Tool {tool} of MCP server {server} is not offered: {reason}'] },
  },
});

/** The model, the limits, and the process itself. */
const turns = rows({
  modelFails: {
    what: 'the model fails in a later round',
    fails: 'closed',
    client: "LiteLLM's message and status; streaming one error chunk",
    logged: '`turn finished` with the error',
    recovery:
      "the SDK's one repetition for connection errors, 408, 409, 429 and 5xx, before anything of the answer was read",
    error: { code: 'upstream_failed', message: 'The next round of this turn failed: {said}' },
  },
  litellmAway: {
    what: 'LiteLLM cannot be reached for a later round',
    fails: 'closed',
    client: '502; streaming one error chunk',
    logged: 'as above',
    recovery: 'as above',
    error: {
      code: 'upstream_failed',
      message: 'LiteLLM could not be reached for the next round of this turn.',
    },
  },
  streamBroke: {
    what: "the model's stream breaks off, or ends without saying how",
    fails: 'closed',
    client: 'one error chunk',
    logged: 'as above',
    recovery: away,
    error: { code: 'upstream_failed', message: 'The stream of the model broke off before its end.' },
  },
  turnsFull: {
    what: 'more turns at once than `limits.turns`',
    fails: 'closed',
    client: '503 with `Retry-After: 5`, before the model is asked',
    logged: 'LiteLLM: the error',
    recovery: 'the client, later',
    error: {
      code: 'overloaded',
      message: 'Toolturn works on {most} turns already, and no more at once.',
      retryAfterSeconds: 5,
    },
  },
  keyTurnsFull: {
    what: 'more turns of one key at once than `limits.turns_per_key`',
    fails: 'closed',
    client: '429 with `Retry-After: 5`, before the model is asked',
    logged: 'as above',
    recovery: 'as above',
    error: {
      code: 'too_many_requests',
      message: 'This key has {most} turns in work already, and no more at once (limits.turns_per_key).',
      retryAfterSeconds: 5,
    },
  },
  callsFull: {
    what: 'a key or a tool is called more often than a minute allows; too many calls wait for a server',
    fails: 'open',
    client: `${answered}; the model reads which limit it was`,
    logged: '`turn finished`',
    recovery: 'the next minute; an end to the queue',
    told: {
      text: 'The tool {tool} was not run: too many calls wait for its server already. Try again later.',
    },
  },
  usedUp: {
    what: 'a turn, its conversation or its key has used up what it may (`limits.cost`, `.conversation`, `.key`)',
    fails: 'open',
    client: 'an answer without further tools; the model reads which limit it was',
    logged: 'the limit',
    recovery: 'the window of the key; a conversation’s rest',
  },
  turnSeconds: {
    what: 'the turn uses up `limits.turn_seconds`',
    fails: 'open',
    client: 'an answer without further tools',
    logged: 'the limit',
    recovery: '',
  },
  turnDeadline: {
    what: 'and then `limits.answer_seconds` too',
    fails: 'closed',
    client: '504',
    logged: '`turn finished` with the error',
    recovery: away,
    error: {
      code: 'deadline_exceeded',
      message: 'The turn took longer than it may (limits.turn_seconds).',
    },
  },
  clientGone: {
    what: 'the client goes away',
    fails: 'neither',
    client: '',
    logged: '',
    recovery: 'nothing: LiteLLM does not say so, and the turn runs to its end or its limits',
  },
  configWrong: {
    what: 'the config is wrong at a start',
    fails: 'closed',
    client: 'as with hook-service away',
    logged: 'every problem with line and column, then exit 1',
    recovery: 'a right config',
  },
  configBecomesWrong: {
    what: 'the config becomes wrong while running',
    fails: 'open',
    client: 'nothing: the config before holds',
    logged:
      'an error for each new set of problems, with line and column; `/health/ready` has the first one, and since when',
    recovery: 'a right config',
    lines: {
      wrong: ['error', 'the configuration is wrong and was not loaded; the one before holds'],
      defect: ['error', 'the configuration could not be reloaded; the one before stays'],
    },
  },
  stopped: {
    what: 'hook-service is stopped',
    fails: 'closed',
    unless: 'for new requests',
    client: 'turns in flight finish, for 25 s at most',
    logged: '`stopping`, `stopped`; exit 0',
    recovery: '',
  },
  consolePort: {
    what: "the console's port is in use",
    fails: 'neither',
    client: '',
    logged: 'at the start, then exit 1',
    recovery: 'another `console.port`',
  },
  consoleReader: {
    what: 'a browser of the console reads too slowly, or 32 are connected',
    fails: 'neither',
    client: '"connection lost, trying again"',
    logged: '',
    recovery: 'the browser connects again by itself and is told everything anew',
    error: { code: 'shutting_down', message: 'Too many pages of the console are open.' },
  },
});

/** Every part that can fail, in the order of ARCHITECTURE.md. */
export const failureTable = { ...door, ...stores, ...tools, ...turns };
