import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, generatedFiles } from './files';
import { bars } from './panels';
import { range, rollup, top } from './targets';

test('the files that Grafana reads are those that this folder makes (npm run dashboards)', () => {
  const files = generatedFiles();
  for (const [path, content] of files) expect(readFileSync(path, 'utf8')).toBe(content);
  const folder = join(__dirname, '..', 'dashboards');
  expect(readdirSync(folder).map((name) => join(folder, name))).toEqual(
    expect.arrayContaining([...files.keys()].filter((path) => path.endsWith('.json'))),
  );
  expect(readdirSync(folder)).toHaveLength(dashboards.length);
});

test('a panel of a field that the metrics do not have is an error', () => {
  const from = { source: rollup, target: range(rollup) };
  expect(() => bars('Calls', from, [{ field: 'cals', name: 'Calls' }])).toThrow('cals');
  expect(() => top('top:cals')).toThrow('top:cals');
});

test('panels of a dashboard do not cover each other, and their ids are their own', () => {
  for (const [path, content] of generatedFiles()) {
    if (!path.endsWith('.json')) continue;
    const { panels } = JSON.parse(content) as { panels: { id: number; gridPos: Place }[] };
    expect(new Set(panels.map((panel) => panel.id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos }) => cellsOf(gridPos));
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  }
});

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

function cellsOf({ x, y, w, h }: Place): string[] {
  return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
}
