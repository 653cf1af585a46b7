import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root } from '../../scripts/src/paths';

/** The pass-through endpoints as docs/mcp-endpoint.md gives them, at the port of a test. */
export function documentedPassThrough(port: number): object[] {
  const page = readFileSync(join(root, 'docs', 'mcp-endpoint.md'), 'utf8');
  const snippet =
    /```yaml\n(general_settings:\n {2}pass_through_endpoints:[\s\S]*?)```/.exec(page)?.[1] ?? '';
  return parse(snippet.replaceAll(':48900', `:${port}`)).general_settings.pass_through_endpoints;
}
