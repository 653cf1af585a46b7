import type { ModelCall, TurnEvent, TurnFacts } from './observer';
import { TurnLog } from './turn-log';

const of: TurnFacts = { turn: 't1', scope: 's', dialect: 'chat', stream: false, model: 'demo' };
const model: ModelCall = {
  ...{ round: 1, restored: false, failed: false, milliseconds: 9, cacheHit: false, again: false },
  ...{ tokens: { input: 7, output: 3, cached: 0 }, costUsd: 0.5 },
};

describe('the log of turns', () => {
  it('knows what a round cost where LiteLLM told of it before the turn began', () => {
    const log = new TurnLog();
    const tell = (event: TurnEvent): void => log.observe({ ...event, of, at: 1_000 });
    tell({ type: 'model_called', model });
    tell({ type: 'turn_started' });
    tell({ type: 'round_started', round: 1 });
    tell({ type: 'round_started', round: 2 });
    tell({ type: 'model_called', model: { ...model, round: 2, costUsd: 2 } });
    expect(log.find('t1')).toMatchObject({ cost_usd: 2.5, steps: [{ cost_usd: 0.5 }, { cost_usd: 2 }] });
  });
});
