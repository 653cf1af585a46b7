/** Tool work of a turn, as the loop reports it. */
import type { Work, WorkCall } from '../../hook-service/src/core/work';

const callOf = (number: number, tool: string): WorkCall => ({
  number,
  server: 'notes',
  tool,
  arguments: `{"n":${number}}`,
});

export const listed: Work = {
  type: 'listed',
  number: 0,
  server: 'notes',
  tools: [{ server: 'notes', tool: 'echo', description: 'Says it.', inputSchema: { type: 'object' } }],
};

export const started = (number: number, tool = 'echo'): Work => ({
  type: 'started',
  call: callOf(number, tool),
});

export const progress = (number: number, value: number): Work => ({
  type: 'progress',
  call: callOf(number, 'echo'),
  progress: { progress: value, total: 10, message: 'reading' },
});

export const finished = (number: number, text = `result ${number}`, failed = false): Work => ({
  type: 'finished',
  call: callOf(number, 'echo'),
  result: { text, milliseconds: 5, ...(failed ? { failure: 'tool_error' as const } : {}) },
});

/** The notes on one call from start to end, with one progress notification. */
export const oneCall = [listed, started(0), progress(0, 3), finished(0)];
export const oneCallNotes =
  '[toolturn] notes.echo: started\n[toolturn] notes.echo: 3 of 10, reading\n[toolturn] notes.echo: finished after 5 ms\n';
