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

  test('says how many parts of a list were left out, and nothing where all were kept', () => {
    const parts = (count: number) => Array.from({ length: count }, () => ({ type: 'text', text: 'a' }));
    expect(readCallResult({ content: parts(10_000) }).content).toEqual(parts(10_000));
    expect(readCallResult({ content: parts(10_002) }).content.slice(9_999)).toEqual([
      ...parts(1),
      { type: 'text', text: '[2 more parts of this result were left out]' },
    ]);
  });

  test('keeps a resource whatever else is wrong with its fields', () => {
    const resource = { uri: 'file:///a', mimeType: 3, blob: 'aGk=' };
    expect(readCallResult({ content: [{ type: 'resource', resource }] }).content).toEqual([
      { type: 'resource', uri: 'file:///a', blob: 'aGk=' },
    ]);
  });
});
