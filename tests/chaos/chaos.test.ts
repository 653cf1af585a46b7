/** The chaos run as a test: `./scripts/chaos` is the same with a choice of seed and length. */
import { inWords, type ChaosReport } from './report';
import { runChaos } from './run';

const minutes = 3.5;
const seed = 20_261_121;

let report: ChaosReport;

beforeAll(
  async () => {
    report = await runChaos({ seed, minutes });
    process.stdout.write(inWords(report));
  },
  minutes * 60_000 + 600_000,
);

it('meets every part with faults, and most turns are answered all the same', () => {
  expect(Object.keys(report.faults)).toEqual([
    'hook-service 1',
    'hook-service 2',
    'litellm 1',
    'litellm 2',
    'mcp http',
    'mcp sse',
    'mcp stdio',
    'redis',
  ]);
  expect(report.turns).toBeGreaterThan(50);
  expect(report.endings['answer']).toBeGreaterThan(report.turns / 2);
});

it('shows no client a call that is not its own', () => expect(report.violations.leaked).toEqual([]));

it('sends no malformed answer or stream', () => expect(report.violations.malformed).toEqual([]));

it('breaks no connection unless LiteLLM is killed', () => expect(report.violations.cut).toEqual([]));

it('runs no call twice', () => expect(report.violations.twice).toEqual([]));

it('loses no outcome of a call in a turn that is answered', () => expect(report.violations.lost).toEqual([]));

it('tells the model of no call that it ran when it did not, or that it did not when it did', () =>
  expect(report.violations.untrue).toEqual([]));

it('ends every turn within its deadline', () => expect(report.violations.late).toEqual([]));

it('answers every kind of turn again when the faults are over', () =>
  expect(report.violations.notRecovered).toEqual([]));
