/** How far an installation has come: each phase is tried, none is remembered. */
import { existsSync } from 'node:fs';
import { runTurn } from '../demonstration';
import { messageOf } from '../errors';
import { tryOutStart } from '../harmless-call';
import { askDoctor } from './ask-doctor';
import type { Installation } from './installation';
import type { Row } from './rows';

export interface Phase {
  readonly phase: 'installed' | 'configured' | 'doctor' | 'tool round trip';
  readonly result: 'done' | 'failed' | 'not tried';
  readonly detail?: string;
}

export async function phasesOf(
  installation: Installation,
  rows: readonly Row[],
  /** A model that calls tools. */
  model?: string,
): Promise<Phase[]> {
  const { config } = installation;
  const dead = rows
    .filter(({ part, well }) => !well && (part === 'LiteLLM' || part === 'hook-service'))
    .map(({ part }) => part);
  const phases: Phase[] = [
    dead.length === 0
      ? { phase: 'installed', result: 'done' }
      : { phase: 'installed', result: 'failed', detail: `${dead.join(' and ')} not running` },
    existsSync(config)
      ? { phase: 'configured', result: 'done', detail: config }
      : { phase: 'configured', result: 'failed', detail: `there is no ${config}` },
  ];
  if (existsSync(config)) {
    const { code, report } = await askDoctor(config, installation);
    phases.push({
      phase: 'doctor',
      result: code <= 1 ? 'done' : 'failed',
      detail: report.split('\n').at(-1) ?? '',
    });
  } else {
    phases.push({ phase: 'doctor', result: 'not tried' });
  }
  phases.push(await roundTrip(installation, rows, model, dead.length > 0));
  return phases;
}

/** Only a tool that was called through LiteLLM makes the stack ready. */
async function roundTrip(
  installation: Installation,
  rows: readonly Row[],
  model: string | undefined,
  dead: boolean,
): Promise<Phase> {
  const phase = 'tool round trip';
  const server = rows.find(({ part, well }) => part.startsWith('MCP ') && well)?.part.slice('MCP '.length);
  if (dead || server === undefined)
    return {
      phase,
      result: 'not tried',
      detail: server === undefined ? 'no MCP server is ready' : 'LiteLLM or hook-service is not there',
    };
  if (model === undefined)
    return { phase, result: 'not tried', detail: 'name a model that calls tools with --model' };
  const key = process.env.LITELLM_API_KEY || installation.variable('LITELLM_MASTER_KEY');
  if (key === undefined) return { phase, result: 'not tried', detail: 'set LITELLM_API_KEY' };
  try {
    const report = await runTurn({
      litellmUrl: installation.litellmUrl,
      key,
      model,
      question: `${tryOutStart} "${server}" that only reads, and tell me what it says.`,
      hookServiceUrl: installation.hookServiceUrl ?? '',
      secret: installation.variable('TOOLTURN_SECRET') ?? '',
      headers: { 'x-mcp-servers': server },
      write: () => undefined,
    });
    if (report.error !== undefined) return { phase, result: 'failed', detail: report.error };
    const call = report.record?.calls.find((each) => each.failure === undefined);
    if (call !== undefined) return { phase, result: 'done', detail: `${call.tool} was called` };
    return { phase, result: 'failed', detail: 'the model called no tool' };
  } catch (error) {
    return { phase, result: 'failed', detail: messageOf(error) };
  }
}
