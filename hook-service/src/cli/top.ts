import type { Command } from 'commander';
import {
  askService,
  CommandFailure,
  exitCodes,
  runCommand,
  secretHeaders,
  withService,
  type ServiceOptions,
} from './service';
import { plain } from './table';
import { frameText, readFrame, sortings, type Frame } from './top-frame';

interface TopOptions extends ServiceOptions {
  readonly interval: string;
  readonly sort: string;
  readonly once?: true;
  readonly json?: true;
}

/** To the upper left corner, and away with what is below. */
const clear = '\u001b[H\u001b[J';
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** `toolturn top`: what a replica works on, again and again; names, numbers and times, no text of anybody. */
export function addTop(program: Command): void {
  withService(program.command('top').description('watch turns, tools and servers; needs TOOLTURN_SECRET'))
    .option('--interval <seconds>', 'how often to look', '2')
    .option('--sort <by>', `order of the tools: ${sortings.join(', ')}`, 'calls')
    .option('--once', 'print one frame and end, as without a terminal')
    .option('--json', 'print what is known once, as JSON')
    .action((options: TopOptions) => runCommand(() => top(options)));
}

async function top(options: TopOptions): Promise<string> {
  const sorting = sortings.find((each) => each === options.sort);
  if (sorting === undefined)
    throw new CommandFailure(`--sort must be one of ${sortings.join(', ')}.`, exitCodes.usage);
  const seconds = Number(options.interval);
  if (!(seconds >= 0.2 && seconds <= 3600))
    throw new CommandFailure('--interval must be a number of seconds from 0.2 to 3600.', exitCodes.usage);
  const headers = secretHeaders(process.env);
  const look = () => lookOnce(options, headers);
  if (options.json === true) return JSON.stringify(await look(), undefined, 2);
  const show = (frame: Frame): string => frameText(frame, options.url, sorting, new Date());
  if (options.once === true || !process.stdout.isTTY) return show(await look());
  await watch(() => look().then(show), seconds * 1000);
  return '';
}

async function lookOnce(options: TopOptions, headers: Record<string, string>): Promise<Frame> {
  const [health, turns] = await Promise.all([
    askService(options, { path: '/health/ready', headers: {} }),
    askService(options, { path: '/turns?limit=200&tools=true', headers }),
  ]);
  return readFrame(health, turns);
}

/** Draws a frame each time until somebody ends it. hook-service may go and come back meanwhile. */
async function watch(draw: () => Promise<string>, pauseMs: number): Promise<void> {
  const ended = new Promise<'ended'>((resolve) => {
    process.once('SIGINT', () => resolve('ended'));
    process.once('SIGTERM', () => resolve('ended'));
  });
  process.stdout.write(hideCursor);
  try {
    for (;;) {
      const text = await Promise.race([ended, draw().catch(waiting)]);
      if (text === 'ended') return;
      process.stdout.write(clear + fitting(text));
      if ((await Promise.race([ended, pause(pauseMs)])) === 'ended') return;
    }
  } finally {
    process.stdout.write(`${showCursor}\n`);
    // A question that is still under way would hold the process up.
    setImmediate(() => process.exit());
  }
}

/** A wrong secret stays wrong; everything else may pass. */
function waiting(error: unknown): string {
  if (!(error instanceof CommandFailure) || error.status === 401 || error.status === 403) throw error;
  return `${plain(error.message)}\nTrying again.`;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** As much of the text as the terminal has lines for. */
function fitting(text: string): string {
  // A terminal that does not know its size says 0.
  const rows = process.stdout.rows || 24;
  return text
    .split('\n')
    .slice(0, rows - 1)
    .join('\n');
}
