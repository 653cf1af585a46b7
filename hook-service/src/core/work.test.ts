import fc from 'fast-check';
import type { HostTool } from './ports';
import { listLimits, progressLimits, WorkReport, type Work } from './work';
import { noteLines, notesOf, withoutNotes } from './work-note';

const tool = (name: string, server = 'notes'): HostTool => ({ server, tool: name, inputSchema: {} });
const call = { id: 'c1', name: 'notes__echo', arguments: '{"a":1}' };
const outcome = { call, text: 'done', milliseconds: 7 };

function follow(offered: readonly HostTool[] = []) {
  const work: Work[] = [];
  const clock = { now: 0 };
  const report = new WorkReport({
    report: (each) => work.push(each),
    resolve: (name) => offered.find((each) => `notes__${each.tool}` === name),
    offered: () => offered,
    now: () => clock.now,
  });
  return { report, work, clock, types: () => work.map((each) => each.type) };
}

describe('the report of a call', () => {
  it('lists its server once, and says when it starts and how it ends', () => {
    const { report, work, types } = follow([tool('echo'), tool('other'), tool('else', 'files')]);
    for (const round of [1, 2]) {
      const watch = report.watch(call, round);
      watch.started(tool('echo'), '{"a":1}');
      watch.finished({ ...outcome, failure: 'timeout' });
    }
    expect(types()).toEqual(['listed', 'started', 'finished', 'started', 'finished']);
    expect(work[0]).toMatchObject({ server: 'notes', tools: [{ tool: 'echo' }, { tool: 'other' }] });
    expect(work.at(-1)).toMatchObject({
      call: { number: 1, server: 'notes', tool: 'echo', arguments: '{"a":1}' },
      result: { text: 'done', failure: 'timeout', milliseconds: 7 },
    });
  });

  it('is whole for a call that never ran, under the name the model used', () => {
    const { report, work, types } = follow();
    report.watch(call, 1).finished({ ...outcome, failure: 'unknown_tool' });
    expect(types()).toEqual(['started', 'finished']);
    expect(work[0]).toMatchObject({ call: { server: 'toolturn', tool: 'notes__echo' } });
  });

  it('holds a list of tools in bounds, with the one that is used', () => {
    const many = Array.from({ length: 500 }, (_each, at) => tool(`t${at}`));
    const { report, work } = follow(many);
    report.watch(call, 1).started(tool('t400'), '{}');
    expect(work[0]).toMatchObject({ tools: { length: listLimits.tools, 0: { tool: 't400' } } });
    const large = follow([tool('a'), { ...tool('b'), description: 'x'.repeat(listLimits.characters) }]);
    large.report.watch(call, 1).started(tool('a'), '{}');
    expect(large.work[0]).toMatchObject({ tools: [{ tool: 'a' }] });
  });

  it('holds progress in bounds: rising, one a second, and none before the start or after the end', () => {
    const { report, work, clock } = follow();
    const watch = report.watch(call, 1);
    watch.progress({ progress: 1 });
    watch.started(tool('echo'), '{}');
    for (const progress of [2, 1, 2, 3]) watch.progress({ progress });
    clock.now = progressLimits.apartMs;
    for (const progress of [3, Number.NaN, 4]) watch.progress({ progress });
    const seen = () => work.flatMap((each) => (each.type === 'progress' ? each.progress.progress : []));
    expect(seen()).toEqual([2, 4]);
    for (let progress = 5; progress < 500; progress++) {
      clock.now += progressLimits.apartMs;
      watch.progress({ progress });
    }
    expect(seen()).toHaveLength(progressLimits.times);
    watch.finished(outcome);
    clock.now += progressLimits.apartMs;
    watch.progress({ progress: 1000 });
    expect(work.at(-1)?.type).toBe('finished');
  });
});

describe('notes', () => {
  const words = fc.string({
    unit: fc.constantFrom('a', ' ', '\n', '\u0000', '[', ']', 'toolturn', '\u202e'),
  });

  it('are one line each, whatever servers call their tools and say', () => {
    fc.assert(
      fc.property(words, words, (name, message) => {
        const { report, work } = follow();
        const watch = report.watch(call, 1);
        watch.started(tool(name), '{}');
        watch.progress({ progress: 1, total: 2, message });
        watch.finished(outcome);
        for (const note of notesOf(work)) {
          expect(note).toMatch(/^\[toolturn\] [^\p{C}\n]*$/u);
          expect(note.length).toBeLessThan(400);
        }
      }),
    );
  });

  it('leave nothing behind when they are taken out, and take nothing of the model’s along', () => {
    const note = '[toolturn] notes.echo: started';
    fc.assert(
      fc.property(words, words, (before, after) => {
        fc.pre(!/\[toolturn\] /.test(before + after));
        const text = `${before}${noteLines(before, [note, note])}${after}`;
        const left = withoutNotes(text);
        expect(left).not.toContain('[toolturn]  '.trim() + ' ');
        expect(left.replace(/\s/g, '')).toBe((before + after).replace(/\s/g, ''));
      }),
    );
    expect(withoutNotes(noteLines('', [note]))).toBe('');
    expect(withoutNotes('I read [toolturn] in a file.')).toBe('I read [toolturn] in a file.');
  });
});
