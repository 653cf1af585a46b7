import type { ToolResult } from '../core/ports';

/** As much of a text is looked at: errors stand at the beginning, and a pattern must not be tried on megabytes. */
const looked = 1_000;

/**
 * Marks a result as an error of the tool where its first text fits `errorText`. For servers that tell errors as
 * ordinary text, without `isError` (postgres-mcp 0.3.0 for one). What the model reads stays the same.
 */
export function markErrors(result: ToolResult, errorText: RegExp | undefined): ToolResult {
  if (errorText === undefined || result.failure !== undefined) return result;
  const first = result.content.find((part) => part.type === 'text');
  if (first === undefined || !errorText.test(first.text.slice(0, looked))) return result;
  return { ...result, failure: 'tool_error' };
}
