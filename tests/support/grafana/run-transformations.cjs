// Runs Grafana's own transformations: reads [{ frames, transformations }] from stdin, writes the frames that come of
// each. A process of its own, because @grafana/data wants a browser's window, and ES modules that jest does not load.
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { readFileSync } = require('node:fs');

globalThis.window = {};
const load = createRequire(join(__dirname, '..', '..', '..', 'grafana', 'package.json'));
const {
  getFieldDisplayName,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} = load('@grafana/data');
const { lastValueFrom } = load('rxjs');

const byId = new Map(Object.values(standardTransformers).map((each) => [each.id, each]));
standardTransformersRegistry.setInit(() =>
  [...byId.values()].map((each) => ({ id: each.id, name: each.name, transformation: each })),
);

async function run({ frames, transformations }) {
  for (const { id } of transformations) {
    if (!byId.has(id)) throw new Error(`Grafana has no transformation ${id}.`);
  }
  const given = frames.map(({ name, columns }) => toDataFrame({ name, refId: 'A', fields: columns }));
  const made = await lastValueFrom(transformDataFrame(transformations, given));
  return made.map(({ name, fields }) => ({
    name: name ?? '',
    columns: fields.map(named),
  }));
}

/** A column by the name that people see and that field settings go by. */
function named(field) {
  return { name: getFieldDisplayName(field), type: field.type, values: [...field.values] };
}

Promise.all(JSON.parse(readFileSync(0, 'utf8')).map(run)).then((all) =>
  process.stdout.write(JSON.stringify(all)),
);
