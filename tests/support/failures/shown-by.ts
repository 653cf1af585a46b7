/** Which tests show what happens where a part fails: for each row of `core/failure-table.ts` names of tests by file. */
import type { FailureId } from '../../../hook-service/src/core/failure-policy';

const unit = 'hook-service/src';
const real = 'tests/integration';

export const shownBy: Readonly<Record<FailureId, Readonly<Record<string, readonly string[]>>>> = {
  hookAway: {
    [`${real}/faults.test.ts`]: [
      'while hook-service is away chat works as without Toolturn, no tools are offered, and headers say so',
      'while hook-service is away streams work as without Toolturn, and a header says so',
    ],
  },
  secretsDiffer: {
    [`${real}/faults.test.ts`]: [
      'a hook call that is repeated is refused with 401 and without an echo of the body with …',
    ],
    [`${real}/rotate.test.ts`]: [
      'the secret of the door: both are good during the overlap, then the new one alone',
    ],
  },
  lostWhole: {
    [`${real}/faults.test.ts`]: [
      'when hook-service is lost between the offer and the result a plain request ends with one clear error and without the call',
    ],
  },
  lostStream: {
    [`${real}/faults.test.ts`]: [
      'when hook-service is lost between the offer and the result a stream ends with one error chunk and [DONE], and no chunk holds a call',
    ],
    [`${real}/responses.test.ts`]: [
      'when hook-service is lost in round two the client gets an error and no call (streamed: …)',
    ],
  },
  lostApproved: {
    'litellm/tests/test_door.py': ['approved calls that are lost end the request with 503'],
    [`${real}/approval.test.ts`]: [
      'an approved call whose hook-service is killed meanwhile gets one error, and is not run again',
    ],
  },
  turnFailed: {
    'litellm/tests/test_door.py': [
      'after the call a refusal comes with its status and words',
      'a stream that is refused says so in one error chunk',
    ],
    [`${unit}/core/failure-policy.test.ts`]: [
      'the failure policy says nothing of a failure in an error but what stands in the table',
    ],
  },
  reportLost: {
    'litellm/tests/test_door.py': [
      'reports of model calls that nobody takes are dropped and counted for the next one',
    ],
  },
  keyUnchecked: {
    [`${real}/failure-rows.test.ts`]: ['while LiteLLM is away a key is refused with 503'],
    [`${real}/whose-key.test.ts`]: ['whose a key is is not told to anybody without the secret'],
  },
  redis: {
    [`${real}/faults.test.ts`]: [
      'while Redis is away turns work, readiness says what is lost, and recovers by itself',
    ],
    [`${real}/hostile-redis.test.ts`]: [
      'G1: a Redis that … leaves the request path its promise, and is used again by itself',
    ],
  },
  store: {
    [`${unit}/core/failure-policy.test.ts`]: [
      'a call runs without a claim where the store fails, and the log says so',
    ],
    [`${unit}/core/allowance.test.ts`]: ['costs no turn where the store fails'],
    [`${unit}/core/rates.test.ts`]: [
      'calls a minute cost no round trip where no limit fits, and no call where the store fails',
    ],
  },
  approvals: {
    [`${unit}/core/approvals.test.ts`]: [
      'a question is approved by nobody while the store cannot be asked',
      'a question is not asked where it cannot be kept',
    ],
  },
  dataKey: {
    [`${real}/redis-state.test.ts`]: [
      'what stands in Redis with a data key is read with both keys while they change; without its key a call of unknown fate is not run again',
    ],
  },
  fateUnknown: {
    [`${unit}/core/calls-claims.test.ts`]: [
      'a call that is claimed by a replica that lives is waited for; its death ends that, and so does a claim that is gone',
    ],
  },
  metrics: {
    [`${real}/metrics-agree.test.ts`]: [
      'counts on when Redis is lost under load, and metrics are there again when it is back',
    ],
    [`${real}/metrics-redis.test.ts`]: [
      'while Redis is away sums lose nothing, memory stays bounded, and what is left out is counted',
    ],
  },
  audit: {
    [`${real}/audit.test.ts`]: [
      'G6: has as many calls as were made under load, also while Redis does not answer',
    ],
    [`${unit}/core/audit.test.ts`]: [
      'G6: the audit trail keeps every call once while the store is away, comes back, and loses an answer',
      'G6: the audit trail is bounded, and says how much it lost',
    ],
  },
  traces: {
    [`${real}/traces.test.ts`]: ['a collector that is away costs nothing but the spans, and is logged once'],
  },
  observer: {
    [`${unit}/core/observer.test.ts`]: [
      'observers are all told when one of them throws, and the log says so once',
    ],
  },
  serverAway: {
    [`${real}/faults.test.ts`]: [
      'while an MCP server is away readiness names it with the reason, and the turn goes on with an error for the model',
    ],
    [`${real}/mcp-http.test.ts`]: [
      'a streamable HTTP server that stays away fails a call in plain words, and keeps its tools for the grace',
    ],
  },
  sessionLost: {
    [`${real}/mcp-http.test.ts`]: [
      'a streamable HTTP server E1: that forgot its sessions (…) is initialised once for fifty concurrent calls',
    ],
  },
  noRevision: {
    [`${real}/mcp-eras.test.ts`]: [
      'the revision of the protocol E6: that nobody knows makes the server incompatible, with the reason, and calls do not hurry the next attempt',
    ],
  },
  serverFails: {
    [`${real}/mcp-calls.test.ts`]: [
      'a call E8: fails fast once five in a row failed at the server, and one tries again after a while',
    ],
  },
  noToken: {
    [`${real}/mcp-oauth.test.ts`]: [
      'a server that wants access tokens gets none where the credentials are refused, which health says without them',
    ],
  },
  programEnds: {
    [`${real}/mcp-processes.test.ts`]: [
      'the processes of stdio servers E5: that end in vain are started a limited number of times, and then no more for the rest of the window',
    ],
  },
  callBroke: {
    [`${real}/mcp-http.test.ts`]: [
      'a streamable HTTP server E2: whose answer breaks off fails the call at once, and the call is not repeated',
    ],
    [`${unit}/core/calls-claims.test.ts`]: [
      'a call of a turn that is repeated of … that broke off runs … time(s) in all',
    ],
  },
  toolFails: {
    [`${real}/v1-tools.test.ts`]: ['POST /v1/tools/<name> says so when the tool fails'],
    [`${real}/arguments.test.ts`]: [
      'the arguments of a call are refused before the server sees them, with the field: …',
    ],
    [`${real}/mcp-stdio.test.ts`]: [
      'a stdio server that hangs in a call fails that call alone, at its deadline',
    ],
  },
  denied: {
    [`${real}/access.test.ts`]: [
      'a call that the caller may not make reads like a tool that does not exist, reaches no server, and is written down without arguments',
      'a call that the caller may not make is refused for a value that is not on the list, with the values that are',
    ],
  },
  clientCallDenied: {
    [`${real}/client-tools.test.ts`]: [
      'tools of a client get no call with an address that leads inside: a plain request is a 403',
      'tools of a client get no piece of such a call in a stream either: it ends with one error',
    ],
  },
  clientToolsUnreadable: {
    [`${real}/client-tools.test.ts`]: [
      'tools of a client cannot be asked for in a form whose answer nobody looks at',
    ],
  },
  clientToolsUnread: {
    'litellm/tests/test_door.py': [
      'before the call the request is refused where nothing listens and that is wanted',
    ],
    [`${real}/guardrail-api.test.ts`]: [
      'LiteLLM that asks it is refused, and the model is not asked, while hook-service is away',
    ],
  },
  headerRefused: {
    [`${real}/mcp-client-sessions.test.ts`]: [
      'sessions under headers of clients do not go on trying with a credential that is refused',
      'sessions under headers of clients are not closed under a call; one more client is told to come later',
    ],
  },
  schema: {
    [`${real}/arguments.test.ts`]: [
      'the arguments of a call reach the server as they are where the schema refers to itself without end',
      'the thread that compares arguments is ended when a comparison takes too long, and what waits behind it is compared all the same',
    ],
  },
  toolChanged: {
    [`${real}/pins.test.ts`]: [
      'with policy allow, a definition that changed D2: is offered, logged once and shown as a readable difference',
      'with policy hold, a definition that changed D2: is withheld from the model and from calls until it is accepted, and so is a new tool',
    ],
  },
  pinsUnread: {
    [`${unit}/core/tool-pins.test.ts`]: [
      'pins that cannot be read withhold everything where it is to be held, and nothing otherwise',
    ],
    [`${real}/pins.test.ts`]: [
      'with policy hold, a definition that changed is withheld with all others where the file cannot be read',
    ],
  },
  toolMalformed: {
    [`${real}/mcp-listing.test.ts`]: [
      'the tools of a server D1: are all offered but the malformed ones, which a warning names',
    ],
  },
  modelFails: {
    [`${real}/hostile-upstream.test.ts`]: [
      'a model that, in round two, F1: … is an error with its status, asked a second time only where that is safe',
    ],
  },
  litellmAway: {
    [`${real}/failure-rows.test.ts`]: ['while LiteLLM is away a turn ends with 502 in round two'],
  },
  streamBroke: {
    [`${real}/turn-stream.test.ts`]: [
      'a streamed turn ends with one error chunk when the model’s stream breaks off in round two',
    ],
    [`${real}/messages.test.ts`]: [
      'a stream on /v1/messages that breaks off in round two ends with one error event',
    ],
    [`${real}/generate-content.test.ts`]: [
      'what goes wrong in a turn of generateContent in a stream that ends without a reason in round two is one error: half an answer is not passed off as a whole one',
    ],
  },
  turnsFull: {
    [`${real}/limits.test.ts`]: [
      'more turns at once than there may be are refused before the model is asked, with Retry-After: 429 for a key, 503 for all',
    ],
  },
  keyTurnsFull: {
    [`${unit}/core/overload.test.ts`]: [
      'turns at once are refused with 429 for a key that has as many as it may; others go on',
    ],
  },
  callsFull: {
    [`${real}/limits.test.ts`]: [
      'calls a minute are counted in Redis for a key over all its turns and replicas, and the model is told',
    ],
    [`${unit}/core/server-bulkheads.test.ts`]: [
      'calls at one server run so many at once, wait in a bounded queue, and are refused behind that; other servers go on',
    ],
  },
  usedUp: {
    [`${real}/limits-over-time.test.ts`]: [
      'B4: a conversation that has made its calls makes no more, on any replica',
    ],
  },
  turnSeconds: {
    [`${unit}/core/turn.test.ts`]: [
      'a turn stops its tools when its time is used up, tells the model, and asks for an answer without tools',
    ],
  },
  turnDeadline: {
    [`${unit}/core/turn.test.ts`]: [
      'a turn fails with a deadline error when the last answer does not come in time either',
    ],
  },
  clientGone: {
    [`${real}/static-hooks.test.ts`]: [
      'the iterator hook runs to the end of the model’s stream after the client has gone',
    ],
  },
  configWrong: {
    [`${real}/failure-rows.test.ts`]: [
      'a start with a wrong config ends with exit code 1 and every problem at its place',
    ],
  },
  configBecomesWrong: {
    [`${real}/reload.test.ts`]: [
      'a wrong file changes nothing, and says so: every problem at its line and column in one line of the log, and in health',
    ],
  },
  stopped: {
    [`${real}/faults.test.ts`]: [
      'a stop of hook-service waits for the turn in flight, ends with exit code 0, and leaves the answer whole',
    ],
  },
  consolePort: {
    [`${real}/failure-rows.test.ts`]: ["a start where the console's port is in use ends with exit code 1"],
  },
  consoleReader: {
    [`${unit}/console/feed.test.ts`]: [
      'the feed lets a listener go that does not read, and one whose session is over, and tells the others',
      'the feed takes so many listeners and no more',
    ],
  },
};
