import type { ToolCall } from './dialect';
import type { Limits } from './limits';
import { TurnBudget } from './turn-budget';

const limits: Limits = {
  rounds: 3,
  calls: 10,
  parallel: 2,
  turnMs: 1000,
  answerMs: 1000,
  callMs: 1000,
  callMaxMs: 1000,
  repeats: 3,
  resultBytes: 1000,
};
const call = (args: string, name = 'notes__read'): ToolCall => ({ id: 'c', name, arguments: args });

/** Makes a call and lets it come to this text; gives the refusal where there is one. */
function make(budget: TurnBudget, args: string, text = 'the same'): string | undefined {
  const refusal = budget.begin(call(args));
  if (refusal === undefined) budget.settle({ call: call(args), text, milliseconds: 1 });
  return refusal;
}

describe('the loop guard', () => {
  it('refuses a call that came to the same result so many times, whatever the order of its arguments', () => {
    const budget = new TurnBudget(limits);
    expect(make(budget, '{"a":1,"b":2}')).toBeUndefined();
    expect(make(budget, '{"b":2,"a":1}')).toBeUndefined();
    expect(make(budget, '{ "a": 1, "b": 2 }')).toBeUndefined();
    expect(make(budget, '{"a":1,"b":2}')).toBe(
      'The tool notes__read was not run: the same call was made 3 times in this turn and came to the same each time. Go on with that result, or do something else.',
    );
    expect(make(budget, '{"a":2,"b":2}')).toBeUndefined();
  });

  it('lets a call be made again as long as its result changes', () => {
    const budget = new TurnBudget(limits);
    for (let step = 0; step < 8; step++) expect(make(budget, '{}', `step ${step}`)).toBeUndefined();
    expect(budget.reached(1)).toBeUndefined();
  });

  it('counts calls that still run', () => {
    const budget = new TurnBudget(limits);
    const refusals = [1, 2, 3, 4].map(() => budget.begin(call('{}')));
    expect(refusals.map((each) => each === undefined)).toEqual([true, true, true, false]);
  });

  it('ends the tool work of a model that insists', () => {
    const budget = new TurnBudget(limits);
    for (let step = 0; step < 4; step++) make(budget, '{}');
    expect(budget.reached(1)).toBeUndefined();
    make(budget, '{}');
    expect(budget.reached(1)).toBe('limit_repeats');
  });
});

describe('the other limits of a turn', () => {
  it('end tool work when the tokens of all rounds are used up', () => {
    const budget = new TurnBudget({ ...limits, tokens: 100 });
    budget.read({ input: 60, output: 20, cached: 0 });
    budget.read(undefined);
    expect(budget.reached(1)).toBeUndefined();
    budget.read({ input: 19, output: 1, cached: 0 });
    expect(budget.reached(1)).toBe('limit_tokens');
  });

  it('end tool work after the last round, after the last call, and where a call was too often for its key', () => {
    expect(new TurnBudget(limits).reached(3)).toBe('limit_rounds');
    const calls = new TurnBudget({ ...limits, calls: 1 });
    calls.begin(call('{"a":1}'));
    expect(calls.begin(call('{"a":2}'))).toContain('the limit of tool work in this turn is reached');
    expect(calls.reached(1)).toBe('limit_calls');
    const rate = new TurnBudget(limits);
    rate.settle({ call: call('{}'), text: 'too often', ends: 'limit_rate', milliseconds: 0 });
    expect(rate.reached(1)).toBe('limit_rate');
  });
});
