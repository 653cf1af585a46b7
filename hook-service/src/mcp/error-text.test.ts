import type { ToolResult } from '../core/ports';
import { markErrors } from './error-text';

const result = (...texts: string[]): ToolResult => ({
  content: texts.map((text) => ({ type: 'text', text })),
});

describe('a result of a server that does not mark its errors', () => {
  test('counts as an error where its first text fits, and reads as before', () => {
    expect(markErrors(result('Error: no such table'), /^Error: /u)).toEqual({
      ...result('Error: no such table'),
      failure: 'tool_error',
    });
  });

  test('is a good one where another text fits, or none, or nothing was said about errors', () => {
    for (const good of [result('rows', 'Error: no'), result('No Error: here'), result()]) {
      expect(markErrors(good, /^Error: /u)).toBe(good);
    }
    const unsaid = result('Error: no such table');
    expect(markErrors(unsaid, undefined)).toBe(unsaid);
  });

  test('is looked at no further than its beginning', () => {
    const late = result(`${'x'.repeat(1_000)}Error: late`);
    expect(markErrors(late, /Error: /u)).toBe(late);
  });

  test('keeps the failure that it has', () => {
    const failed: ToolResult = { ...result('Error: away'), failure: 'transport' };
    expect(markErrors(failed, /^Error: /u)).toBe(failed);
  });
});
