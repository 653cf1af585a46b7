import type {
  CallAnswer,
  ConfigView,
  DoctorView,
  FeedEvents,
  Overview,
  ToolDetail,
  ToolList,
  TurnView,
} from './shapes.ts';
import { change, state } from './store.ts';

/** Says that a page does not come from elsewhere (see `guards.ts`). */
const own = { 'x-toolturn-console': '1' };

class Refused extends Error {}

/** Asks hook-service. A session that is over leads to the login. Throws `Refused` with words for a person. */
async function ask<T>(path: string, body?: object, headers: Record<string, string> = {}): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...own, ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
    });
  } catch {
    throw new Refused('hook-service does not answer.');
  }
  if (answer.status === 401) location.assign('/login');
  if (answer.status === 204) return undefined as T;
  const value = (await answer.json().catch(() => ({}))) as T & { error?: { message?: string } };
  if (!answer.ok) throw new Refused(value.error?.message ?? `hook-service answers ${answer.status}.`);
  return value;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Loads something into the state; a failure stands beside it and leaves what was there. */
async function load<T>(path: string, take: (value: T) => void): Promise<void> {
  try {
    const value = await ask<T>(path);
    const problems = new Map(state.problems);
    problems.delete(path);
    change({ problems });
    take(value);
  } catch (error) {
    change({ problems: new Map(state.problems).set(path, messageOf(error)) });
  }
}

export const loadOverview = (): Promise<void> =>
  load<Overview>('/api/overview', (overview) =>
    change({ overview, parts: overview.parts, clockOffset: overview.now - Date.now() }),
  );
export const loadTools = (): Promise<void> => load<ToolList>('/api/tools', (tools) => change({ tools }));
export const loadDoctor = (): Promise<void> =>
  load<DoctorView>('/api/doctor', (doctor) => change({ doctor }));
export const loadConfig = (): Promise<void> =>
  load<ConfigView>('/api/config', (config) => change({ config }));

/** One tool by server and name. */
export async function loadTool(server: string, tool: string): Promise<void> {
  const id = toolId(server, tool);
  try {
    const detail = await ask<ToolDetail>(`/api/tool?${new URLSearchParams({ server, tool }).toString()}`);
    if (state.tool?.id === id) change({ tool: { id, detail } });
  } catch (error) {
    if (state.tool?.id === id) change({ tool: { id, problem: messageOf(error) } });
  }
}

export const toolId = (server: string, tool: string): string => JSON.stringify([server, tool]);

/** What the typed key may use. */
export async function loadUsable(): Promise<void> {
  const { key } = state;
  if (key === '') return change({ usable: undefined, keyProblem: undefined });
  try {
    const { names } = await ask<{ names: string[] }>('/api/usable', {}, { 'x-toolturn-key': key });
    if (state.key === key)
      change({
        usable: new Set(names),
        keyProblem: undefined,
        said: `This key may use ${names.length} tools.`,
      });
  } catch (error) {
    if (state.key === key) change({ usable: undefined, keyProblem: messageOf(error) });
  }
}

export async function runTool(id: string, name: string, args: object): Promise<void> {
  change({ call: { id, running: true }, said: 'The tool runs.' });
  try {
    const headers = { 'x-toolturn-key': state.key };
    const answer = await ask<CallAnswer>('/api/call', { name, arguments: args }, headers);
    if (state.call?.id === id)
      change({ call: { id, running: false, answer }, said: answer.failure ?? 'The tool has answered.' });
  } catch (error) {
    if (state.call?.id === id)
      change({ call: { id, running: false, problem: messageOf(error) }, said: messageOf(error) });
  }
}

export async function acceptChanges(
  accept: readonly { server: string; tool: string; digest: string }[],
): Promise<void> {
  try {
    const { accepted, refused } = await ask<{ accepted: number; refused: number }>('/api/accept', { accept });
    const rest = refused === 0 ? '' : ` ${refused} changed once more and stay open.`;
    change({ said: `Accepted ${accepted}.${rest}` });
  } catch (error) {
    change({ said: messageOf(error) });
  }
  await loadTools();
}

/** Decides about calls that wait. */
export async function decide(code: string, decision: 'approve' | 'decline', reason: string): Promise<void> {
  const refusals = new Map(state.refusals);
  refusals.delete(code);
  try {
    const words = reason.trim() === '' ? {} : { reason: reason.trim() };
    await ask('/api/approvals', { code, decision, ...words });
    const done = decision === 'approve' ? 'Approved' : 'Declined';
    change({ refusals, said: `${done} ${code}.` });
  } catch (error) {
    const problem = messageOf(error);
    change({ refusals: refusals.set(code, problem), said: problem });
  }
}

export async function logout(): Promise<void> {
  await ask('/logout', {}).catch(() => undefined);
  location.assign('/login');
}

/** The stream of what happens. The browser connects again by itself, and is told everything anew then. */
export function followEvents(onCatalog: () => void): void {
  const source = new EventSource('/api/events');
  const on = <K extends keyof FeedEvents>(name: K, take: (value: FeedEvents[K]) => void) =>
    source.addEventListener(name, (event) =>
      take(JSON.parse((event as MessageEvent<string>).data) as FeedEvents[K]),
    );
  let isFirst = false;
  source.addEventListener('open', () => {
    isFirst = true;
    change({ link: 'live' });
    // Clocks, versions and servers may be others after a restart.
    void loadOverview();
  });
  source.addEventListener('error', () => {
    change({ link: 'lost' });
    // Refused for good: the session is over, or too many pages are open.
    if (source.readyState !== EventSource.CLOSED) return;
    void loadOverview();
    setTimeout(() => followEvents(onCatalog), 5_000);
  });
  on('parts', (parts) => change({ parts }));
  on('limits', (limits) => change({ limits }));
  on('approvals', (approvals) => change({ approvals }));
  on('turns', (turns) => {
    change({ turns: isFirst ? new Map(turns.map((turn) => [turn.id, turn])) : merged(state.turns, turns) });
    isFirst = false;
  });
  on('catalog', ({ changes }) => {
    change({ changes });
    onCatalog();
  });
}

/** As many as the server keeps. */
const mostTurns = 200;

function merged(
  known: ReadonlyMap<string, TurnView>,
  changed: readonly TurnView[],
): ReadonlyMap<string, TurnView> {
  const all = new Map(known);
  for (const turn of changed) all.set(turn.id, turn);
  const newest = [...all.values()].sort((left, right) => right.at - left.at).slice(0, mostTurns);
  return new Map(newest.map((turn) => [turn.id, turn]));
}
