import { toolSums } from './tool-sums';
import type { CallRecord } from './turn-log';

const call = (ms: number, more: Partial<CallRecord> = {}): CallRecord => ({
  ...{ number: 0, round: 1, id: 'c', tool: 'notes__look_up', server: 'notes', at_ms: 0 },
  ...{ ms, wait_ms: 0, bytes_in: 0, bytes_out: 0, cost_usd: 0.25 },
  ...more,
});

describe('sums by tool', () => {
  it('count calls, failures, durations and costs, the most called tool first', () => {
    const calls = [
      call(5, { tool: 'other', server: 'desk' }),
      ...Array.from({ length: 20 }, (_, index) => call(index + 1)),
      call(90, { failure: 'timeout' }),
      call(0, { running: true, cost_usd: 0 }),
    ];
    expect(toolSums(calls)).toEqual([
      {
        ...{ tool: 'notes__look_up', server: 'notes', calls: 22, running: 1, errors: 1, timeouts: 1 },
        ...{ p50_ms: 11, p95_ms: 20, cost_usd: 5.25 },
      },
      expect.objectContaining({ tool: 'other', server: 'desk', calls: 1, p50_ms: 5, p95_ms: 5 }),
    ]);
  });

  it('keep tools of one name at two servers apart, and are bounded', () => {
    const same = [call(1), call(1, { server: 'desk' }), call(1, { server: undefined as never })];
    expect(toolSums(same)).toHaveLength(3);
    const many = Array.from({ length: 500 }, (_, index) => call(1, { tool: `made up ${index}` }));
    expect(toolSums(many)).toHaveLength(100);
    expect(toolSums([call(0, { running: true })])[0]).toMatchObject({ p50_ms: 0, p95_ms: 0 });
  });
});
