import fc from 'fast-check';
import { holdsHidden, showHidden, withoutHidden } from './hidden-text';
import type { JsonObject } from './json';
import { createMask, maskedResult } from './result-safety';

describe('what nobody sees in a text', () => {
  it.each([
    ['escape sequences', 'a\u001b[31mred\u001b[0m \u001b]0;title\u0007b', 'ared b'],
    ['control characters, but tabs and line ends', 'a\u0000b\u0008\tc\r\nd\u007f\u0085', 'ab\tc\r\nd'],
    ['marks of direction', 'safe\u202Egnp.exe\u202C \u2066x\u2069 \u200F', 'safegnp.exe x '],
    ['tag characters', 'a\u{e0069}\u{e0067}b', 'ab'],
    ['zero width', 'pass\u200bword\ufeff\u2060', 'password'],
    ['text in variation selectors', 'a\u{e0101}\u{e0102}\u{e0103}b', 'ab'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
  ])('is taken out: %s', (_what, text, clean) => {
    expect(withoutHidden(text)).toBe(clean);
  });

  it.each(['👩‍👩‍👧 ❤️ ', 'می‌خواهم', 'é ü 漢字 עברית', 'a\tb\nc'])('is nothing in %j', (text) => {
    expect(withoutHidden(text)).toBe(text);
    expect(holdsHidden(text)).toBe(false);
  });

  it('is taken out for good, and shown as what it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(withoutHidden(withoutHidden(text))).toBe(withoutHidden(text));
        expect(holdsHidden(showHidden(text))).toBe(false);
      }),
    );
    expect(showHidden('a\u202eb')).toBe('a\\u{202e}b');
  });
});

describe('a mask', () => {
  const mask = createMask(
    ['secret-token-1234', 'short', '/srv/a/long/path', 'http://host:80/long'],
    ['/app/hook-service'],
  );

  it('takes out secrets and passwords in addresses, and leaves paths and short words', () => {
    expect(mask('short secret-token-1234 /srv/a/long/path http://host:80/long')).toBe(
      'short [redacted] /srv/a/long/path http://host:80/long',
    );
    expect(mask('postgres://admin:pw@db:5432/x and mailto:a@b.c at 10:30 @home')).toBe(
      'postgres://[redacted]@db:5432/x and mailto:a@b.c at 10:30 @home',
    );
  });

  it.each([
    ['JavaScript', 'Error: no\n    at run (/x/y.js:1:2)\n    at /x/z.js:3:4\nmore', 'Error: no\nmore'],
    [
      'Python',
      'Traceback (most recent call last):\n  File "/x/y.py", line 3, in f\n    g()\nValueError: no',
      'ValueError: no',
    ],
    ['Java', 'java.lang.X: no\n\tat a.b.C.d(C.java:12)\n\t... 3 more', 'java.lang.X: no'],
  ])('takes the stack out of an error: %s', (_language, text, clean) => {
    expect(mask(text, 'tool_error')).toBe(clean);
    expect(mask(text)).toBe(text);
  });

  it('takes out paths of programs, and leaves those that the tool is about', () => {
    expect(
      mask(
        'cannot read /data/notes.txt (/usr/lib/node_modules/x/index.js:3, /app/hook-service/dist)',
        'tool_error',
      ),
    ).toBe('cannot read /data/notes.txt ((path), (path)/dist)');
  });
});

describe('a masked result', () => {
  const mask = createMask(['secret-token-1234']);
  const text = (words: string) => ({ type: 'text' as const, text: words });

  it('is the very same where there is nothing to mask', () => {
    const result = {
      content: [text('a')],
      structured: { a: [1, { b: null }] },
      whole: { _meta: { x: 'y' } },
    };
    expect(maskedResult(mask, result)).toBe(result);
  });

  it('has no secret in any text, and the data of images and files as it was', () => {
    const whole: JsonObject = {
      content: [
        { type: 'text', text: 'secret-token-1234', _meta: { deep: ['secret-token-1234'] } },
        { type: 'image', data: 'secret-token-1234', mimeType: 'image/png' },
        { type: 'resource', resource: { uri: 'http://u:secret-token-1234@h', blob: 'secret-token-1234' } },
      ],
      structuredContent: { 'secret-token-1234': 1, data: 'secret-token-1234' },
    };
    expect(maskedResult(mask, { content: [text('secret-token-1234')], whole })).toEqual({
      content: [text('[redacted]')],
      whole: {
        content: [
          { type: 'text', text: '[redacted]', _meta: { deep: ['[redacted]'] } },
          { type: 'image', data: 'secret-token-1234', mimeType: 'image/png' },
          { type: 'resource', resource: { uri: 'http://[redacted]@h', blob: 'secret-token-1234' } },
        ],
        structuredContent: { '[redacted]': 1, data: '[redacted]' },
      },
    });
  });

  it('ends at a depth that nobody needs', () => {
    const deep = JSON.parse('{"a":'.repeat(5_000) + '1' + '}'.repeat(5_000)) as JsonObject;
    expect(JSON.stringify(maskedResult(mask, { content: [], structured: deep })).length).toBeLessThan(2_000);
  });
});
