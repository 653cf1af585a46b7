import { Circuit } from './circuit';

const options = { failures: 5, openMs: 1_000, maxOpenMs: 60_000 };

describe('a circuit', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const failing = (circuit: Circuit, times: number) => {
    for (let index = 0; index < times; index += 1) circuit.enter()?.failed();
  };
  const open = () => {
    const changes: boolean[] = [];
    const circuit = new Circuit(options, (isOpen) => changes.push(isOpen));
    failing(circuit, 5);
    return { circuit, changes };
  };

  test('opens after five failures in a row, and says why', () => {
    const circuit = new Circuit(options);
    failing(circuit, 4);
    expect(circuit.reason).toBeUndefined();
    failing(circuit, 1);
    expect(circuit.enter()).toBeUndefined();
    expect(circuit.reason).toMatch(/^5 calls in a row failed/);
  });

  test('begins to count again after an answer', () => {
    const circuit = new Circuit(options);
    failing(circuit, 4);
    circuit.enter()?.answered();
    failing(circuit, 4);
    expect(circuit.enter()).toBeDefined();
  });

  test('counts calls that one incident ended together once', () => {
    const circuit = new Circuit(options);
    const together = Array.from({ length: 50 }, () => circuit.enter());
    for (const ticket of together) ticket?.failed();
    expect(circuit.enter()).toBeDefined();
  });

  test('does not count a call of which nothing is known', () => {
    const circuit = new Circuit(options);
    failing(circuit, 4);
    circuit.enter()?.leave();
    expect(circuit.enter()).toBeDefined();
    failing(circuit, 1);
    expect(circuit.enter()).toBeUndefined();
  });

  test('lets one call try after a time, and closes when that one is answered', () => {
    const { circuit, changes } = open();
    jest.advanceTimersByTime(60_000);
    const probe = circuit.enter();
    expect(probe).toBeDefined();
    expect(circuit.enter()).toBeUndefined();
    probe?.answered();
    expect(circuit.enter()).toBeDefined();
    expect(changes).toEqual([true, false]);
  });

  test('stays open when the one that tries fails, and lets another try when it was cancelled', () => {
    const { circuit } = open();
    jest.advanceTimersByTime(60_000);
    circuit.enter()?.failed();
    expect(circuit.enter()).toBeUndefined();
    jest.advanceTimersByTime(60_000);
    circuit.enter()?.leave();
    expect(circuit.enter()).toBeDefined();
  });
});
