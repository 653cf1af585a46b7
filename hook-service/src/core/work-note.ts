import type { ToolProgress } from './ports';
import type { Work } from './work';

/**
 * Notes on tool work, one line each. They begin with a word of ours, because clients send reasoning text back and
 * providers must not read ours as the model's. Neither arguments nor results stand in them.
 */
const begins = '[toolturn] ';
const longestMessage = 200;

/** The note on what happened, without a line end; undefined where there is nothing to say. */
function noteOf(work: Work): string | undefined {
  if (work.type === 'listed') return undefined;
  return `${begins}${oneLine(`${work.call.server}.${work.call.tool}`)}: ${said(work)}`;
}

/** The notes on these events, in order. */
export function notesOf(work: readonly Work[]): string[] {
  return work.map(noteOf).filter((note) => note !== undefined);
}

/** Text behind what was shown before: notes begin on a line of their own and end it. */
export function noteLines(before: string, notes: readonly string[]): string {
  if (notes.length === 0) return '';
  return `${before === '' || before.endsWith('\n') ? '' : '\n'}${notes.join('\n')}\n`;
}

/** True for a text with a note of ours in it. */
export function holdsNote(text: string): boolean {
  return text.includes(begins);
}

/** A text without our notes: the model's own, or nothing. The very same text where there is no note in it. */
export function withoutNotes(text: string): string {
  if (!holdsNote(text)) return text;
  const own = text.split('\n').filter((line) => !line.startsWith(begins));
  return own.every((line) => line.trim() === '') ? '' : own.join('\n');
}

function said(work: Exclude<Work, { type: 'listed' }>): string {
  switch (work.type) {
    case 'started':
      return 'started';
    case 'progress':
      return progressText(work.progress);
    case 'finished': {
      const { failure, milliseconds } = work.result;
      return failure === undefined
        ? `finished after ${milliseconds} ms`
        : `failed (${failure.replaceAll('_', ' ')}) after ${milliseconds} ms`;
    }
  }
}

function progressText({ progress, total, message }: ToolProgress): string {
  const number = (value: number): string => String(Math.round(value * 100) / 100);
  const count = total === undefined ? number(progress) : `${number(progress)} of ${number(total)}`;
  const words = message === undefined ? '' : oneLine(message).slice(0, longestMessage);
  return words === '' ? count : `${count}, ${words}`;
}

/** White space becomes one blank; every other invisible character goes. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/\p{C}/gu, '').trim();
}
