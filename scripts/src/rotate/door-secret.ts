/**
 * The secret between the door and hook-service. Each sends its first one and accepts all, so the new one is made known
 * before anybody sends it, and the old one is forgotten after nobody does.
 */
import { StartError } from '../errors';
import { litellmHealth } from '../operate/litellm-health';
import type { Installation } from '../operate/installation';
import { changeAndVerify } from './change';

const current = 'TOOLTURN_SECRET';
const previous = 'TOOLTURN_SECRET_PREVIOUS';
const hook = ['hook-service'];
const litellm = ['litellm'];

/** Afterwards the door sends the new secret, and both parts accept both. */
export async function beginDoorSecret(
  installation: Installation,
  secret: string,
  say: (line: string) => void,
): Promise<void> {
  const old = secretOf(installation);
  if (installation.variable(previous) !== undefined)
    throw new StartError(
      `${previous} is set: a rotation is under way. End it with ./scripts/rotate door-secret --finish.`,
    );
  // hook-service accepts the new one, and goes on signing with the old one, which the door knows.
  await changeAndVerify(installation, {
    names: [current],
    changes: { [current]: old, [previous]: secret },
    restart: [hook],
    verify: () => hookAccepts(installation),
    say,
  });
  // The door sends the new one and knows both; then hook-service may sign with the new one.
  await changeAndVerify(installation, {
    names: [current],
    changes: { [current]: secret, [previous]: old },
    restart: [litellm, hook],
    verify: () => bothWork(installation),
    say,
  });
}

/** Afterwards the old secret is good for nothing. */
export async function finishDoorSecret(
  installation: Installation,
  say: (line: string) => void,
): Promise<void> {
  const now = secretOf(installation);
  if (installation.variable(previous) === undefined) return say('  nothing to end: only one secret is set');
  await changeAndVerify(installation, {
    names: [current],
    changes: { [current]: now, [previous]: undefined },
    restart: [litellm, hook],
    verify: () => bothWork(installation),
    say,
  });
}

function secretOf(installation: Installation): string {
  const secret = installation.variable(current);
  if (secret === undefined)
    throw new StartError(`${current} stands in no env file of this stack: name the file with --env-file.`);
  if (secret.includes(','))
    throw new StartError(`${current} lists several secrets: leave one, then try again.`);
  return secret;
}

async function hookAccepts(installation: Installation): Promise<void> {
  await installation.askHookService('/health/live');
}

async function bothWork(installation: Installation): Promise<void> {
  await hookAccepts(installation);
  const health = await litellmHealth(installation.litellmUrl);
  if (health.state !== 'ready') throw new StartError(`LiteLLM is not ready: ${health.reason}.`);
  await doorAgrees(installation);
}

/**
 * The door and hook-service understand each other: a listing of tools under the master key goes through both. Without
 * a master key in the env files there is nothing to ask with.
 */
async function doorAgrees(installation: Installation): Promise<void> {
  const key = installation.variable('LITELLM_MASTER_KEY');
  if (key === undefined || installation.kind === 'compose') return;
  const { hookServiceUrl } = installation;
  if (hookServiceUrl === undefined) return;
  const response = await fetch(`${hookServiceUrl}/v1/tools`, {
    headers: { authorization: `Bearer ${key}` },
    signal: AbortSignal.timeout(60_000),
  }).catch(() => undefined);
  await response?.body?.cancel();
  if (response === undefined) throw new StartError('hook-service does not answer.');
  if (response.status === 502) throw new StartError('The door and hook-service do not agree on the secret.');
}
