import fc from 'fast-check';
import { JsonObjectWatcher, parseArguments } from './arguments';

describe('the arguments a model wrote', () => {
  it.each([
    ['', {}],
    ['  ', {}],
    ['{}', {}],
    ['{"a": [1]}', { a: [1] }],
  ])('%j are %j', (written, value) => {
    expect(parseArguments(written)).toEqual({ ok: true, value });
  });

  it.each([
    ['null', /they are null/],
    ['[1]', /they are an array/],
    ['"x"', /they are a string/],
    ['{"a": ', /not valid JSON/],
    ['{"a":1}{"a":1}', /not valid JSON/],
  ])('%j are refused with a reason', (written, reason) => {
    expect(parseArguments(written)).toEqual({ ok: false, reason: expect.stringMatching(reason) });
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
