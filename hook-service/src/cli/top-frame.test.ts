import { frameText, readFrame } from './top-frame';

const turn = {
  ...{ turn: '0123456789abcdef', model: 'demo', started_at: 0, ms: 1200, end: 'answer', rounds: 2, calls: 3 },
  ...{ failed_calls: 1, tokens: { input: 90, output: 10 }, cost_usd: 1, cost_tools_usd: 0.25 },
};
const tool = {
  ...{ tool: 'notes__look_up', server: 'notes', calls: 5, running: 1, errors: 0, p50_ms: 7, p95_ms: 40 },
  cost_usd: 0.25,
};
const health = {
  status: 'degraded',
  turns_in_flight: 1,
  parts: {
    redis: { state: 'ready' },
    'mcp:notes': { state: 'ready', tools: 3 },
    'mcp:away': { state: 'failed', reason: 'Connection\u001b[2J refused' },
  },
};
const slow = { ...tool, tool: 'desk__slow', calls: 1, p95_ms: 900, cost_usd: 0 };
const at = new Date(2026, 0, 1, 14, 3, 22);

describe('a frame of toolturn top', () => {
  it('shows the state of all parts, turns in work before others, and tools in the order that was asked for', () => {
    const turns = [turn, { ...turn, turn: 'running', key: 'alice', end: 'running' }];
    const frame = readFrame(health, { turns, tools: [tool, slow] });
    const text = frameText(frame, 'http://127.0.0.1:1', 'p95', at);
    expect(text.split('\n').map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
      'http://127.0.0.1:1 is degraded at 14:03:22: redis ready',
      '1 in work; of the last 2 turns: 6 calls, 2 of them failed, 0 turns without a proper end, 200 tokens, $2.50',
      '',
      'SERVER  STATE  TOOLS  REASON',
      'notes  ready  3',
      'away  failed  -  Connection[2J refused',
      '',
      'TURN  KEY  MODEL  ROUNDS  CALLS  FAILED  TOKENS  COST  MS  END',
      'running  alice  demo  2  3  1  100  $1.25  1200  running',
      '01234567  -  demo  2  3  1  100  $1.25  1200  answer',
      '',
      'TOOL  SERVER  CALLS  RUNNING  ERRORS  P50 MS  P95 MS  COST',
      'desk__slow  notes  1  1  0  7  900  $0.00',
      'notes__look_up  notes  5  1  0  7  40  $0.2500',
    ]);
  });

  it('says so where nothing has happened yet, and is not longer than a screen', () => {
    const none = frameText(readFrame({ ...health, parts: {} }, { turns: [], tools: [] }), 'x', 'calls', at);
    for (const line of ['No servers.', 'No turn yet.', 'No call yet.']) expect(none).toContain(line);
    const many = Array.from({ length: 60 }, () => turn);
    const tools = Array.from({ length: 60 }, () => tool);
    const text = frameText(readFrame(health, { turns: many, tools }), 'x', 'calls', at);
    expect(text.split('\n').length).toBeLessThan(32);
    expect(text).toContain('and 48 more tools');
  });

  it('is refused where the answer is not that of this version', () => {
    expect(() => readFrame(health, { turns: [] })).toThrow(/same version/);
  });
});
