import fc from 'fast-check';
import { JsonObjectWatcher, parseArguments } from './arguments';

describe('the arguments a model wrote', () => {
  it.each([
    ['', {}],
    ['  \n', {}],
    ['null', {}],
    ['""', {}],
    ['{}', {}],
    ['{"a": [1]}', { a: [1] }],
    ['```json\n{"a": 1}\n```', { a: 1 }],
    ['```\n{"a": 1}```', { a: 1 }],
    ['{"a": [1, 2,], "b": {"c": 1 , } , }', { a: [1, 2], b: { c: 1 } }],
    ['{"a": ",}"}', { a: ',}' }],
    ['{"a": ",}",}', { a: ',}' }],
    ['{"a":1}{"a":1}', { a: 1 }],
    ['{"a":"}{"} {"a": "}{"}\n{"a":"}{"}', { a: '}{' }],
    ['{}{"a":1}', { a: 1 }],
    ['"{\\"a\\":1}"', { a: 1 }],
    ['"\\"{}\\""', {}],
    ['{"a": "one\ntwo\tthree"}', { a: 'one\ntwo\tthree' }],
    ['\uFEFF{"a":1}', { a: 1 }],
  ])('%j are %j', (written, value) => {
    expect(parseArguments(written)).toEqual({ ok: true, value });
  });

  it.each([
    ['[1]', /they are an array/],
    ['"x"', /they are a string/],
    ['7', /they are a number/],
    ['{"a": ', /not valid JSON/],
    ['{"a":1}{"a":2}', /not valid JSON/],
    ['{"a":1}{}', /not valid JSON/],
    ['{"a":1} and more', /not valid JSON/],
    ['{"a":1,,}', /not valid JSON/],
    ["{'a': 1}", /not valid JSON/],
    [`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, /nested deeper than 200/],
    [`{"a":${'['.repeat(100_000)}`, /not valid JSON/],
    [`{"a":"${'x'.repeat(5_000_000)}"}`, /longer than 4000000/],
  ])('%j are refused with a reason', (written, reason) => {
    expect(parseArguments(written)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
  });

  it('are read as JSON reads them wherever they are valid', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (object) => {
        const text = JSON.stringify(object);
        expect(parseArguments(text)).toEqual({ ok: true, value: JSON.parse(text) });
      }),
    );
  });

  it('never make it throw, and what is repaired is repaired for good', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '1',
      'a',
      '\\',
      '\n',
      '```',
      'json',
      'null',
      ' ',
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const once = parseArguments(text);
        if (once.ok) expect(parseArguments(JSON.stringify(once.value))).toEqual(once);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with __proto__ in them change no prototype', () => {
    const parsed = parseArguments('{"__proto__": {"polluted": true}}');
    expect(parsed.ok).toBe(true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('an object that is being written', () => {
  it('is complete exactly at its last brace, whatever it holds and however it is cut', () => {
    const objects = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 });
    fc.assert(
      fc.property(objects, fc.array(fc.nat(40)), (object, cuts) => {
        const text = JSON.stringify(object);
        const watcher = new JsonObjectWatcher();
        const places = [...new Set(cuts.filter((cut) => cut < text.length))].sort((a, b) => a - b);
        let from = 0;
        for (const place of [...places, text.length - 1]) {
          watcher.push(text.slice(from, Math.max(from, place)));
          from = Math.max(from, place);
          expect(watcher.complete).toBe(false);
        }
        watcher.push(text.slice(from));
        expect(watcher.complete).toBe(true);
      }),
    );
  });

  it('never completes where it is no object', () => {
    const watcher = new JsonObjectWatcher();
    watcher.push('[{"a": 1}]');
    expect(watcher.complete).toBe(false);
  });
});
