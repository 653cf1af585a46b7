/** Those who go straight to hook-service, as the door does. */
import type { Subject } from '../load/job';
import type { Lab } from '../parts/lab';

/** Requests before the call alone. */
export function preCalls(
  lab: Lab,
  url: string,
  name: string,
  more: Partial<Pick<Subject, 'history' | 'callers'>> = {},
): Subject {
  return { name, driver: 'pre-call', urls: [url], key: lab.secret, kind: 'plain', ...more };
}

/** Whole one-tool turns; the provider stands in LiteLLM's place. */
export function hookTurns(lab: Lab, url: string, name: string): Subject {
  return { name, driver: 'hooks', urls: [url], key: lab.secret, kind: 'tool' };
}

/** Posts one hook as the door does; rejects on anything but 200. */
export async function postHook(lab: Lab, url: string, body: object): Promise<Record<string, unknown>> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-toolturn-secret': lab.secret },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Record<string, unknown>;
}
