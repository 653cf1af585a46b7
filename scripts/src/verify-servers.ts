/** `./scripts/verify --server NAME`: one question for each MCP server, asked through LiteLLM. */
import { runTurn, type TurnReport } from './demonstration';
import { messageOf } from './errors';
import { tryOutStart } from './harmless-call';
import type { Parts } from './readiness';

export interface ServerVerdict {
  readonly server: string;
  readonly verdict: 'pass' | 'fail' | 'not configured';
  /** The tool that was called, or what went wrong. */
  readonly detail?: string;
}

/** Where to ask. */
export type Gateway = Omit<Parameters<typeof runTurn>[0], 'question' | 'write' | 'headers'>;

/** Tries each server alone. `parts` is what hook-service says of itself; `all` stands for every server in it. */
export async function verifyServers(
  names: readonly string[],
  parts: Parts,
  gateway: Gateway,
): Promise<ServerVerdict[]> {
  const configured = Object.keys(parts).flatMap((part) => /^mcp:(.+)$/.exec(part)?.[1] ?? []);
  const servers = names.flatMap((name) => (name === 'all' ? configured : [name]));
  const verdicts: ServerVerdict[] = [];
  for (const server of new Set(servers)) {
    if (!configured.includes(server)) verdicts.push({ server, verdict: 'not configured' });
    else verdicts.push(await tryServer(server, parts[`mcp:${server}`]?.reason, gateway));
  }
  return verdicts;
}

/** One line for a person. */
export function verdictLine({ server, verdict, detail }: ServerVerdict): string {
  return `  ${server}: ${verdict}${detail === undefined ? '' : ` (${detail})`}`;
}

async function tryServer(server: string, ill: string | undefined, gateway: Gateway): Promise<ServerVerdict> {
  try {
    const report = await runTurn({
      ...gateway,
      question: `${tryOutStart} "${server}" that only reads, and tell me what it says.`,
      headers: { 'x-mcp-servers': server },
      write: () => undefined,
    });
    return judge(server, ill, report);
  } catch (error) {
    return { server, verdict: 'fail', detail: messageOf(error) };
  }
}

function judge(server: string, ill: string | undefined, report: TurnReport): ServerVerdict {
  const fail = (detail: string): ServerVerdict => ({ server, verdict: 'fail', detail });
  if (report.error !== undefined) return fail(report.error);
  const call = report.record?.calls.find((each) => each.server === server);
  if (call === undefined) return fail(ill ?? (report.answer.slice(0, 200) || 'no tool was called'));
  if (call.failure !== undefined) return fail(`${call.tool}: ${call.failure}`);
  return { server, verdict: 'pass', detail: call.tool };
}
