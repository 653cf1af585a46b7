import fc from 'fast-check';
import type { ContentPart, ToolResult } from './ports';
import { pickMedia, type MediaPart } from './result-media';
import { cutText, joinedText, resultText } from './result-text';

const png = 'iVBORw0KGgoAAAAN';
const text = (...content: ContentPart[]): string => resultText({ content }, 's__t');

describe('a result as text', () => {
  it.each<[string, ContentPart, string]>([
    ['text', { type: 'text', text: 'hello' }, 'hello'],
    [
      'an image',
      { type: 'image', data: png, mimeType: 'image/png' },
      '[image image/png, 12 bytes, not shown here]',
    ],
    [
      'audio',
      { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
      '[audio audio/wav, 3 bytes, not shown here]',
    ],
    ['a link', { type: 'resource_link', uri: 'file:///a', name: 'A' }, '[resource A: file:///a]'],
    ['a link without a name', { type: 'resource_link', uri: 'file:///a' }, '[resource file:///a: file:///a]'],
    ['a resource of text', { type: 'resource', uri: 'file:///a', text: 'inside' }, 'inside'],
    [
      'a resource of bytes',
      { type: 'resource', uri: 'file:///a', mimeType: 'application/zip', blob: 'AAAA' },
      '[resource file:///a, application/zip, not shown here]',
    ],
    ['an unknown kind', { type: 'unknown', kind: 'hologram' }, '[content of kind hologram, not shown here]'],
  ])('says %s', (_what, part, said) => {
    expect(text(part)).toBe(said);
  });

  it.each<[string, ToolResult, string]>([
    [
      'several parts, one to a line',
      {
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      'a\nb',
    ],
    ['nothing', { content: [] }, 'The tool s__t finished without any output.'],
    ['empty text', { content: [{ type: 'text', text: '' }] }, 'The tool s__t finished without any output.'],
    [
      'a failure without text',
      { failure: 'tool_error', content: [] },
      'The tool s__t reported an error without any details.',
    ],
    ['structured content alone', { content: [], structured: { a: 1 } }, '{"a":1}'],
    [
      'structured content beside text, which is the same again',
      { content: [{ type: 'text', text: 'a is 1' }], structured: { a: 1 } },
      'a is 1',
    ],
  ])('says %s', (_what, result, said) => {
    expect(resultText(result, 's__t')).toBe(said);
  });

  it('is cut between characters, whatever it holds, and says so', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', minLength: 20 }),
        fc.integer({ min: 1, max: 60 }),
        async (whole, max) => {
          const cut = joinedText(await cutText(whole, max, async () => undefined));
          if (Buffer.byteLength(whole) <= max) return expect(cut).toBe(whole);
          const shown = cut.slice(0, cut.lastIndexOf('\n['));
          expect(whole.startsWith(shown)).toBe(true);
          expect(Buffer.byteLength(shown)).toBeLessThanOrEqual(max);
          expect(cut).toMatch(/\[cut here: \d+ of \d+ bytes shown\]$/);
        },
      ),
    );
  });
});

describe('images and audio that go to the model', () => {
  const image = (data: string, mimeType = 'image/png'): ContentPart => ({ type: 'image', data, mimeType });
  const picked = (...content: ContentPart[]): MediaPart[] => [...pickMedia(content).values()];

  it('are what their bytes are, whatever the server calls them', () => {
    expect(
      picked(image(png, 'image/jpg'), image('/9j/AAAA', 'image/png')).map((part) => part.mimeType),
    ).toEqual(['image/png', 'image/jpeg']);
  });

  it.each<[string, ContentPart]>([
    ['broken base64', image(`${png}!!!!`)],
    ['base64 that breaks off', image(png.slice(0, -1))],
    ['nothing at all', image('')],
    ['a format that providers refuse', image('PHN2ZyB4', 'image/svg+xml')],
    ['too large', image(png.padEnd(5_000_004, 'A'))],
    ['audio of no audio type', { type: 'audio', data: 'AAAA', mimeType: 'text/html' }],
    ['text', { type: 'text', text: 'x' }],
  ])('are not %s', (_what, part) => {
    expect(picked(part)).toEqual([]);
  });

  it('are no more than a request can hold', () => {
    expect(picked(...Array.from({ length: 30 }, () => image(png)))).toHaveLength(8);
    const large = png.padEnd(4_000_000, 'A');
    expect(picked(image(large), image(large), image(large), image(png))).toHaveLength(3);
  });
});
