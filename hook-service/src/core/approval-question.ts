import { parseArguments } from './arguments';
import type { Mask } from './result-safety';
import type { WaitingCall } from './approvals';

/** What a question shows of the arguments: of one text, of one call, of all calls, in characters. */
const shownLimits = { text: 300, call: 1500, calls: 10 } as const;

/**
 * The question that a person reads in an answer: what would run and with which arguments, without secrets and of
 * bounded length, how to answer, and until when. Names and arguments were written by servers and models: they stand
 * in blocks of code that they cannot end.
 */
export function questionText(
  { calls, code, expiresAt }: { calls: readonly WaitingCall[]; code: string; expiresAt: number },
  mask: Mask,
): string {
  const one = calls.length === 1;
  const shown = calls.slice(0, shownLimits.calls);
  const more = calls.length - shown.length;
  return [
    one ? '**May this call run?**' : `**May these ${calls.length} calls run?**`,
    ...shown.map((call, index) => {
      const heading = `${one ? '' : `${index + 1}. `}${inlineCode(mask(call.tool))} of ${inlineCode(mask(call.server))}`;
      return `${heading}\n${codeBlock(shownArguments(call.arguments, mask))}`;
    }),
    ...(more > 0 ? [`and ${more} more, which \`toolturn approve\` lists.`] : []),
    `Answer **yes** to run ${one ? 'it' : 'them'}, **no** to leave ${one ? 'it' : 'them'}, or say what should be different. ` +
      `Nothing has run yet. Code: \`${code}\`, good until ${timeOf(expiresAt)}.`,
  ].join('\n\n');
}

/** Arguments as a person reads them: JSON on several lines, masked, long texts cut. */
export function shownArguments(written: string, mask: Mask): string {
  const parsed = parseArguments(written);
  // Masked before it is cut: half a secret is one too.
  const bounded = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? cut(mask(value), shownLimits.text) : value;
  const text = parsed.ok ? (JSON.stringify(parsed.value, bounded, 2) ?? '{}') : written;
  return cut(mask(text), shownLimits.call);
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
  return `${kept}… (${text.length - kept.length} more characters)`;
}

/** A block whose fence is longer than any row of backticks in it. */
function codeBlock(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([row]) => row.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}json\n${text}\n${fence}`;
}

const inlineCode = (text: string): string => `\`${text.replace(/[`\s]+/g, ' ').slice(0, 128)}\``;

function timeOf(milliseconds: number): string {
  const [date = '', time = ''] = new Date(milliseconds).toISOString().split('T');
  return `${date} ${time.slice(0, 5)} UTC`;
}
