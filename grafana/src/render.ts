import { redis, type Dashboard, type Panel, type Row, type Variable } from './panel';

/** Of Grafana 11.6; newer ones read it too. */
const schemaVersion = 41;

/** The JSON that Grafana reads. */
export function rendered(dashboard: Dashboard): object {
  const { uid, title, description, search } = dashboard;
  return {
    uid,
    title: `Toolturn: ${title}`,
    description,
    tags: ['toolturn'],
    schemaVersion,
    version: 1,
    editable: true,
    graphTooltip: 1,
    time: { from: 'now-1h', to: 'now' },
    refresh: '30s',
    timepicker: { refresh_intervals: ['10s', '30s', '1m', '5m'] },
    annotations: { list: [] },
    links: [
      {
        type: 'dashboards',
        title: 'Toolturn',
        tags: ['toolturn'],
        asDropdown: false,
        includeVars: false,
        keepTime: true,
      },
    ],
    templating: {
      list: [...dashboard.variables.map(variable), ...(search === undefined ? [] : [textBox(search)])],
    },
    panels: placed(dashboard.rows),
  };
}

/** A variable whose values are the members of a set in Redis. */
function variable({ name, label, set, all = false }: Variable): object {
  return {
    type: 'query',
    name,
    label,
    datasource: redis,
    query: `SMEMBERS toolturn:${set}`,
    definition: `SMEMBERS toolturn:${set}`,
    // Whenever the time range changes, because names come and go.
    refresh: 2,
    // By the alphabet.
    sort: 5,
    multi: all,
    includeAll: all,
    current: all ? { text: ['All'], value: ['$__all'] } : {},
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

function textBox({ name, label }: { readonly name: string; readonly label: string }): object {
  const empty = { text: '', value: '' };
  return {
    type: 'textbox',
    name,
    label,
    query: '',
    current: empty,
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

/** Panels from left to right, and rows from top to bottom. */
function placed(rows: readonly Row[]): readonly object[] {
  const fixed = rows.flatMap((row) => row.panels.flatMap(({ id }) => id ?? []));
  let free = Math.max(0, ...fixed);
  const nextId = (): number => (free += 1);
  const all: object[] = [];
  let y = 0;
  for (const row of rows) {
    if (row.title !== undefined) {
      all.push({
        type: 'row',
        id: nextId(),
        title: row.title,
        collapsed: false,
        gridPos: { x: 0, y, w: 24, h: 1 },
        panels: [],
        ...(row.repeat === undefined ? {} : { repeat: row.repeat }),
      });
      y += 1;
    }
    let [x, height] = [0, 0];
    for (const panel of row.panels) {
      const [w, h] = panel.size;
      if (x + w > 24) [x, y, height] = [0, y + height, 0];
      all.push(panelJson(panel, panel.id ?? nextId(), { x, y, w, h }));
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return all;
}

function panelJson({ size: _size, id: _id, ...panel }: Panel, id: number, gridPos: object): object {
  return { ...panel, id, gridPos };
}
