/** What Go makes of strings, where the plugin leaves it to Go's libraries. */

const digits = String.raw`[0-9](?:_?[0-9])*`;
const hexDigits = String.raw`[0-9a-f](?:_?[0-9a-f])*`;
const decimal = new RegExp(
  String.raw`^[+-]?(?:${digits}\.?(?:${digits})?|\.${digits})(?:e[+-]?${digits})?$`,
  'i',
);
const hexadecimal = new RegExp(
  String.raw`^([+-]?)0x(_?${hexDigits})?\.?(${hexDigits})?p([+-]?${digits})$`,
  'i',
);
const special = /^(?:nan|([+-]?)inf(?:inity)?)$/i;

/**
 * `strconv.ParseFloat(text, 64)`: the number, and whether it was one for Go. A number out of range is none, though it
 * has a value: an infinity. What is no number at all has the value 0.
 */
export function parseFloat64(text: string): { readonly value: number; readonly isNumber: boolean } {
  const named = special.exec(text);
  if (named !== null) {
    if (text.toLowerCase() === 'nan') return { value: NaN, isNumber: true };
    return { value: named[1] === '-' ? -Infinity : Infinity, isNumber: true };
  }
  const value = decimal.test(text) ? Number(text.replaceAll('_', '')) : hexValue(text);
  if (value === undefined) return { value: 0, isNumber: false };
  return { value, isNumber: Number.isFinite(value) };
}

function hexValue(text: string): number | undefined {
  const parts = hexadecimal.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = ''] = parts.map((part) => part?.replaceAll('_', ''));
  if (whole === '' && fraction === '') return undefined;
  const mantissa = Number(`0x0${whole}${fraction}`) * 2 ** (-4 * fraction.length);
  return (sign === '-' ? -1 : 1) * mantissa * 2 ** Number(exponent);
}

/** Words as a POSIX shell splits them (creachadair/shell); undefined where a quote is left open. */
export function shellWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? '') + text.slice(at + 1, end);
      at = end;
    } else if (char === '"') {
      let quoted = '';
      for (at += 1; text[at] !== '"'; at++) {
        if (at >= text.length) return undefined;
        if (text[at] === '\\' && '"\\$`\n'.includes(text[at + 1] ?? ' ')) at += 1;
        quoted += text[at] ?? '';
      }
      word = (word ?? '') + quoted;
    } else if (char === '\\') {
      at += 1;
      if (at >= text.length) return undefined;
      word = (word ?? '') + (text[at] ?? '');
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  return word === undefined ? words : [...words, word];
}
