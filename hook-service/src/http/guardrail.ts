import express, { type Router } from 'express';
import { z } from 'zod';
import type { Caller } from '../core/caller';
import { ToolturnError } from '../core/errors';
import type { GuardedPart, Verdict } from '../core/guardrail';
import type { JsonObject } from '../core/json';
import { markHeader } from '../core/mark';

/** Where LiteLLM's `generic_guardrail_api` asks, behind its `api_base` (as of 1.106.2). */
export const guardrailPath = '/beta/litellm_basic_guardrail_api';

/** What LiteLLM puts in the place of a header's value that it was not told to pass on. */
const withheldValue = '[present]';

const text = z.string().nullish();
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  { error: 'must be a JSON object' },
);

/** LiteLLM's `GenericGuardrailAPIRequest`, as far as it is read. */
const asked = z.object({
  input_type: z.enum(['request', 'response'], { error: 'must be request or response' }),
  texts: z.array(z.string()).nullish(),
  tools: z.array(jsonObject).nullish(),
  tool_calls: z.array(z.object({ function: z.object({ name: text, arguments: text }).nullish() })).nullish(),
  request_data: z
    .object({
      user_api_key_hash: text,
      user_api_key_alias: text,
      user_api_key_user_id: text,
      user_api_key_team_id: text,
      user_api_key_team_alias: text,
      user_api_key_end_user_id: text,
    })
    .nullish(),
  request_headers: z.record(z.string(), z.string()).nullish(),
});

export type JudgeGuarded = (part: GuardedPart) => Promise<Verdict>;

/** LiteLLM's Generic Guardrail API: `POST` with a request or an answer, and what LiteLLM is to do with it. */
export function guardrailRoutes(judge: JudgeGuarded, bodyBytes: number): Router {
  const router = express.Router();
  router.post('/', express.json({ limit: bodyBytes, type: () => true }), async (req, res) => {
    res.json(written(await judge(parseGuarded(req.body))));
  });
  return router;
}

function parseGuarded(body: unknown): GuardedPart {
  const parsed = asked.safeParse(body);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join('.') || 'body'}: ${message}`,
    );
    throw new ToolturnError(
      'bad_request',
      `The guardrail request is not understood: ${problems.slice(0, 5).join('; ')}`,
    );
  }
  const {
    input_type: kind,
    texts,
    tools,
    tool_calls: calls,
    request_data: who,
    request_headers,
  } = parsed.data;
  const headers = Object.entries(request_headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  const mark = headers.find(([name]) => name === markHeader)?.[1];
  return {
    kind,
    caller: callerOf(who ?? {}),
    ...(mark === undefined || mark === withheldValue ? {} : { continuation: mark }),
    texts: texts ?? [],
    tools: tools ?? [],
    calls: (calls ?? []).flatMap(({ function: called }) =>
      called?.name ? [{ name: called.name, arguments: called.arguments ?? '' }] : [],
    ),
  };
}

function callerOf(who: NonNullable<z.infer<typeof asked>['request_data']>): Caller {
  const known = {
    key: who.user_api_key_hash,
    alias: who.user_api_key_alias,
    user: who.user_api_key_user_id,
    team: who.user_api_key_team_id,
    teamAlias: who.user_api_key_team_alias,
    endUser: who.user_api_key_end_user_id,
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value));
}

/** LiteLLM's `GenericGuardrailAPIResponse`. */
function written(verdict: Verdict): object {
  if (verdict.action === 'pass') return { action: 'NONE' };
  if (verdict.action === 'block') return { action: 'BLOCKED', blocked_reason: verdict.reason };
  const { texts, tools } = verdict;
  return { action: 'GUARDRAIL_INTERVENED', ...(texts && { texts }), ...(tools && { tools }) };
}
