import { doorEntry, topOf } from '../servers';
import type { Rule } from '../rule';
import { itemsOf, textOf } from '../yaml-source';

const right = [
  'guardrails:',
  '  - guardrail_name: toolturn',
  '    litellm_params:',
  '      guardrail: toolturn_guardrail.Toolturn',
  '      mode: [pre_call, post_call]',
  '      default_on: true',
];

/** MCP servers without the door, or a door that is not always open. */
export const door: Rule = {
  ids: ['K12', 'K90'],
  level: 'error',
  title: 'LiteLLM does not load the door',
  why: 'On chat completions LiteLLM runs no tool: a model that calls one answers finish_reason "tool_calls", and the turn ends.',
  mends: true,
  *find(context) {
    const [main] = context.config;
    const servers = context.section('mcp_servers');
    if (main === undefined || (servers === undefined && context.section('toolturn') === undefined)) return;
    const params = doorEntry(context);
    const section = context.section('guardrails');
    if (params === undefined) {
      yield {
        at: section?.at ?? servers?.at ?? topOf(main.file),
        message:
          'no guardrail toolturn_guardrail.Toolturn: tools of mcp_servers are never run on chat completions',
        change: right,
        ...(section === undefined ? { fix: { edits: [main.append(right)] } } : {}),
      };
      return;
    }
    const at = params.get('guardrail')?.at ?? topOf(main.file);
    const isDefault = params.get('default_on')?.value;
    if (!(isDefault?.kind === 'scalar' && isDefault.value === true)) {
      yield {
        level: 'warning',
        at: params.get('default_on')?.at ?? at,
        message: 'the door is used only by requests that name the guardrail; default_on: true is missing',
        change: ['default_on: true'],
      };
    }
    const modes = itemsOf(params.get('mode')?.value).map((item) => textOf(item));
    const lacking = ['pre_call', 'post_call'].filter((mode) => !modes.includes(mode));
    if (lacking.length > 0) {
      yield {
        at: params.get('mode')?.at ?? at,
        message: `the door is not called at ${lacking.join(' and ')}`,
        change: ['mode: [pre_call, post_call]'],
      };
    }
  },
};
