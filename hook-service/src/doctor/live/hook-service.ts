import { z } from 'zod';
import { askIdentity, identifyHeader, openIdentity } from '../../core/identify';
import { ask } from './ask';
import type { LiveSettings } from './settings';
import { failed, noted, passed, type Outcome, type Planned } from './step';

const part = z.object({ state: z.string(), reason: z.string().optional() }).loose();
const readiness = z.object({ status: z.string(), parts: z.record(z.string(), part) });
export type Parts = z.infer<typeof readiness>['parts'];

/** hook-service, the door in front of it, and Redis behind it. `parts` collects what readiness says. */
export function hookServiceSteps(settings: LiveSettings, parts: Parts): readonly Planned[] {
  const { hookUrl, litellmUrl, key, secrets, timeoutMs } = settings;
  const [secret] = secrets;
  return [
    {
      id: 'hook-service',
      title: 'hook-service answers',
      async run() {
        const answer = await ask(`${hookUrl}/health/ready`, { timeoutMs }).catch(() => undefined);
        const known = readiness.safeParse(answer?.json).data;
        if (answer === undefined)
          return failed(
            `nobody answers at ${hookUrl}`,
            'Start hook-service (toolturn serve), or name its address: --url or TOOLTURN_URL. Its log says why it does not start.',
          );
        if (known === undefined)
          return failed(`${hookUrl} is not hook-service`, 'Name its address: --url or TOOLTURN_URL.');
        Object.assign(parts, known.parts);
        return known.status === 'stopping'
          ? failed('it is stopping', 'Wait until it has started again.')
          : passed(`${hookUrl} is ${known.status}`);
      },
    },
    {
      id: 'secret',
      title: 'The secret is hook-service’s',
      needs: ['hook-service'],
      async run() {
        if (secret === undefined)
          return failed('TOOLTURN_SECRET is not known here', 'Name its file with --env-file.');
        const { status } = await ask(`${hookUrl}/turns/doctor`, {
          timeoutMs,
          headers: { 'x-toolturn-secret': secret },
        });
        if (status === 404 || status === 200) return passed('hook-service takes it');
        return failed(
          `hook-service answers ${status}`,
          'Set one TOOLTURN_SECRET for LiteLLM and hook-service, and start both again.',
        );
      },
    },
    {
      id: 'door',
      title: 'The door is loaded, reaches hook-service and has its secret',
      needs: ['litellm', 'key', 'hook-service', 'secret'],
      async run() {
        const { nonce, token } = askIdentity(secret ?? '');
        const answer = await ask(`${litellmUrl}/v1/chat/completions`, {
          timeoutMs,
          headers: { authorization: `Bearer ${key ?? ''}`, [identifyHeader]: token },
          // No model: LiteLLM refuses this by itself where no door answers first.
          body: { messages: [] },
        });
        if (openIdentity(secrets, nonce, answer.text) !== undefined)
          return passed('a signed question went through LiteLLM to hook-service and back');
        return failed(
          `LiteLLM answered ${answer.status} itself: the door is not loaded, or cannot reach hook-service, or has another secret`,
          'In LiteLLM’s log: "toolturn: no tools are offered" means that the door is loaded, and TOOLTURN_URL or TOOLTURN_SECRET of LiteLLM is wrong. Without such a line put toolturn_guardrail.py beside config.yaml and the guardrails entry into it.',
        );
      },
    },
    {
      id: 'redis',
      title: 'Redis',
      level: 'warning',
      needs: ['hook-service'],
      run: async () => redisOutcome(parts['redis']),
    },
  ];
}

function redisOutcome(redis: Parts[string] | undefined): Outcome {
  if (redis?.state === 'ready') return passed('ready');
  if (redis === undefined || redis.state === 'disabled')
    return noted(
      'hook-service keeps its memory in its own process',
      'Set REDIS_URL, so that a restart or a second replica loses nothing.',
    );
  return failed(
    `${redis.state}${redis.reason === undefined ? '' : `: ${redis.reason}`}`,
    'Start Redis, or set REDIS_URL of hook-service right. Turns work meanwhile; what they leave is kept in memory only.',
  );
}

const usable = new Set(['ready', 'disabled', 'degraded']);

/** One step for each MCP server, by what readiness says of it. */
export function serverSteps(parts: Parts): readonly Planned[] {
  const servers = Object.entries(parts).filter(([name]) => name.startsWith('mcp:'));
  return servers.map(([id, server]) => ({
    id,
    title: `The MCP server ${id.slice('mcp:'.length)}`,
    needs: ['hook-service'],
    async run() {
      const { state, reason, tools } = server;
      const count = typeof tools === 'number' ? `, ${tools} ${tools === 1 ? 'tool' : 'tools'}` : '';
      if (usable.has(state))
        return tools === 0
          ? noted(`${state}, and has no tools`, 'Look at allowed_tools, and at the server’s own settings.')
          : passed(`${state}${count}`);
      return failed(
        `${state}${reason === undefined ? '' : `: ${reason}`}`,
        'Look whether it runs, and compare its url or command in mcp_servers. hook-service connects again by itself.',
      );
    },
  }));
}
