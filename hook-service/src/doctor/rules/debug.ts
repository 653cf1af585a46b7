import type { Rule } from '../rule';
import { entriesOf } from '../yaml-source';

/** Debug output that is left on. */
export const debug: Rule = {
  ids: ['K22', 'K67'],
  level: 'warning',
  title: 'Debug output is left on, or asked for where nobody reads it',
  why: 'LiteLLM then logs whole requests, prompts and the beginnings of secrets.',
  mends: true,
  *find(context) {
    const setting = entriesOf(context.section('general_settings')?.value).get('detailed_debug');
    if (setting !== undefined) {
      const source = context.yaml(setting.at.file);
      yield {
        at: setting.at,
        message: 'general_settings has no detailed_debug; only the flag --detailed_debug exists',
        change: ['take the line out'],
        fix: { edits: source?.removeEntry(setting.at) ?? [] },
      };
    }
    const verbose = entriesOf(context.section('litellm_settings')?.value).get('set_verbose');
    if (verbose?.value.kind === 'scalar' && verbose.value.value === true)
      yield {
        at: verbose.at,
        message: 'set_verbose prints requests with their keys',
        change: ['set_verbose: false'],
        fix: { edits: context.yaml(verbose.at.file)?.replaceScalar(verbose.value.at, 'false') ?? [] },
      };
    // An overlay is what somebody adds for a closer look, and takes away again.
    for (const service of context.services.filter((each) => each.isWhole)) {
      for (const { text, at } of service.words)
        if (/^--(?:detailed_)?debug$/.test(text))
          yield {
            id: 'K67',
            at,
            message: `${service.name} runs with ${text}`,
            change: [`take ${text} out; put it into an overlay such as debug.yml`],
          };
    }
    for (const { variables } of context.envFiles)
      for (const { name, value, at } of variables)
        if (name === 'LITELLM_LOG' && /^debug$/i.test(value))
          yield { at, message: 'LITELLM_LOG=DEBUG logs whole requests', change: ['LITELLM_LOG=INFO'] };
  },
};
