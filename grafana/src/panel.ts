/** The JSON of Grafana 11 that the dashboards are made of; only what they use. */

export interface Datasource {
  readonly type: string;
  readonly uid: string;
}

export const redis: Datasource = { type: 'redis-datasource', uid: 'sidecar-redis' };
export const loki: Datasource = { type: 'loki', uid: 'loki' };
/** The answer of another panel of the same dashboard. */
export const otherPanel: Datasource = { type: 'datasource', uid: '-- Dashboard --' };

export interface Target extends Readonly<Record<string, unknown>> {
  readonly refId: string;
  readonly datasource: Datasource;
}

export interface Transformation {
  readonly id: string;
  readonly options: object;
}

export interface Panel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource: Datasource;
  readonly targets: readonly Target[];
  readonly transformations: readonly Transformation[];
  readonly fieldConfig: { readonly defaults: object; readonly overrides: readonly Override[] };
  readonly options: object;
  /** Columns of 24, and rows of about 30 pixels. */
  readonly size: readonly [width: number, height: number];
  /** Fixed where other panels take their answer from this one. */
  readonly id?: number;
}

export interface Override {
  readonly matcher: { readonly id: 'byName'; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

/** A row of panels; `repeat` makes one for each value of a variable. */
export interface Row {
  readonly title?: string;
  readonly repeat?: string;
  readonly panels: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** One of the sets of names. */
  readonly set: string;
  /** True where all values may be chosen at once: rows are repeated then. */
  readonly all?: boolean;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Variable[];
  /** A variable that people type. */
  readonly search?: { readonly name: string; readonly label: string };
  readonly rows: readonly Row[];
}

/** One column of a panel: which field it is, and how it reads. */
export interface Column {
  readonly field: string;
  readonly name: string;
  readonly unit?: string;
  readonly color?: string;
  /** More properties of the field. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Keeps these columns in this order and names them as people do. */
export function columns(list: readonly Column[], always: readonly Column[] = []): Transformation {
  const all = [...always, ...list];
  return {
    id: 'organize',
    options: {
      includeByName: Object.fromEntries(all.map(({ field }) => [field, true])),
      indexByName: Object.fromEntries(all.map(({ field }, index) => [field, index])),
      renameByName: Object.fromEntries(all.map(({ field, name }) => [field, name])),
    },
  };
}

export function overrides(list: readonly Column[]): Override[] {
  return list.flatMap(({ name, unit, color, more = {} }) => {
    const properties = [
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(color === undefined ? [] : [{ id: 'color', value: { mode: 'fixed', fixedColor: color } }]),
      ...Object.entries(more).map(([id, value]) => ({ id, value })),
    ];
    return properties.length === 0 ? [] : [{ matcher: { id: 'byName', options: name }, properties }];
  });
}
