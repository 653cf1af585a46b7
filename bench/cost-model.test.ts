import { busy, needed, redisBytes, type TurnCosts } from './cost-model';

const costs: TurnCosts = {
  litellmSeconds: 0.02,
  hookSeconds: 0.006,
  redisSeconds: 0.0005,
  toolSeconds: 0.002,
  redisOperations: 8,
  kept: [
    { what: 'outcomes', bytes: 500, seconds: 3_600 },
    { what: 'hidden rounds', bytes: 2_000, seconds: 7 * 86_400 },
  ],
};

it('a small load needs each part once, and its first bottleneck is not used up', () => {
  const need = needed(costs, 10);
  expect([need.litellmWorkers, need.replicas, need.toolServers, need.redisNodes]).toEqual([1, 1, 1, 1]);
  expect(need.bottleneck).toMatch(/% used\)$/);
});

it('parts grow with the load, each as far as its own cost says', () => {
  const need = needed(costs, 60_000);
  expect(need.litellmWorkers).toBe(Math.ceil((1_000 * 0.02) / busy));
  expect(need.replicas).toBe(10);
  expect(need.redisOperationsPerSecond).toBe(8_000);
  expect(need.cores).toBeCloseTo((1_000 * 0.0285) / busy, 6);
});

it('what is kept long fills memory before anything else is used up', () => {
  const need = needed(costs, 100_000);
  expect(need.redisBytes).toBeGreaterThan(redisBytes);
  expect(need.redisNodes).toBe(Math.ceil(need.redisBytes / redisBytes));
  expect(need.bottleneck).toContain('memory of Redis');
  const forgetful = needed({ ...costs, kept: [] }, 100_000);
  expect(forgetful.redisNodes).toBe(2);
  expect(forgetful.bottleneck).toContain('LiteLLM');
});
