import { columns, keyFields, modelFields, toolFields } from '../../hook-service/src/metrics/fields';
import * as layout from './layout';

test.each([
  ['rows of everything', layout.rollupFields, columns.all.map(([name]) => name)],
  ['rows of a tool', layout.toolFields, columns.tool.map(([name]) => name)],
  ['rows of a server', layout.serverFields, columns.server.map(([name]) => name)],
  ['rows of a key', layout.keyFields, columns.key.map(([name]) => name)],
  ['rows of a model', layout.modelFields, columns.model.map(([name]) => name)],
  ['sums of a tool', layout.toolSums, toolFields],
  ['sums of a key', layout.keyFields, keyFields],
])('panels may read what hook-service writes: %s', (_what, read, written) => {
  expect([...read].sort()).toEqual([...written].sort());
  expect(modelFields.filter((field) => !layout.modelFields.includes(field))).toEqual([]);
});
