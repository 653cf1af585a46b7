/** Where a new secret comes from: made here, from a variable, or from the terminal. Never from an argument. */
import { randomBytes } from 'node:crypto';
import { StartError } from '../errors';

const mostBytes = 64 * 1024;

/** The secret; from standard input (one line) where no other source is named. */
export async function newSecret(source: {
  readonly generate?: boolean;
  readonly fromEnv?: string;
}): Promise<string> {
  if (source.generate === true) return randomBytes(32).toString('hex');
  if (source.fromEnv !== undefined) {
    const value = process.env[source.fromEnv];
    if (value) return value;
    throw new StartError(`${source.fromEnv} is not set.`);
  }
  if (process.stdin.isTTY === true)
    process.stderr.write('The new token (it is shown while you type; end with Enter): ');
  let text = '';
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.includes('\n')) break;
    if (text.length > mostBytes) throw new StartError('That is too long for a token.');
  }
  process.stdin.pause();
  const line = text.split('\n')[0]?.trim() ?? '';
  if (line === '')
    throw new StartError(
      'No new token was given: write it to standard input, or use --from-env NAME or --generate.',
    );
  return line;
}
