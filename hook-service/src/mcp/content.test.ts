import fc from 'fast-check';
import { readCallResult } from './content';

describe('the result of a call', () => {
  test('is read from any JSON whatsoever', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readCallResult(value).content).toBeInstanceOf(Array);
        expect(readCallResult({ content: value }).content).toBeInstanceOf(Array);
        expect(readCallResult({ content: [value] }).content).toHaveLength(1);
      }),
    );
  });

  test('is a failure only where isError is true', () => {
    expect(readCallResult({ isError: true, content: [] })).toEqual({ failure: 'tool_error', content: [] });
    expect(readCallResult({ isError: false, content: [] })).toEqual({ content: [] });
  });

  test('may hold structured content alone', () => {
    expect(readCallResult({ structuredContent: { a: 1 } })).toEqual({ content: [], structured: { a: 1 } });
  });

  test('keeps a resource whatever else is wrong with its fields', () => {
    const resource = { uri: 'file:///a', mimeType: 3, blob: 'aGk=' };
    expect(readCallResult({ content: [{ type: 'resource', resource }] }).content).toEqual([
      { type: 'resource', uri: 'file:///a', blob: 'aGk=' },
    ]);
  });
});
