import { bounds, inWords, runSoak } from './replicas';

const minutes = 1.5;

test(
  'two replicas under full load, with slow readers and clients that go away: every turn is answered, and nothing grows',
  async () => {
    const report = await runSoak({ seed: 20_261_121, minutes });
    process.stdout.write(inWords(report));
    expect(report.problems).toEqual([]);
    expect(Object.keys(report.endings).sort()).toEqual(['answer', 'left', 'read slowly']);
    expect(report.growth.files).toBeLessThan(bounds.files);
    expect(report.growth.rssMb).toBeLessThan(bounds.rssMb);
    expect(report.growth.keptMb).toBeLessThan(bounds.keptMb);
  },
  minutes * 60_000 + 600_000,
);
