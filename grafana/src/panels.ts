import {
  columns,
  overrides,
  type Column,
  type Datasource,
  type Panel,
  type Target,
  type Transformation,
} from './panel';
import type { Source } from './targets';

/** Where a panel's answer comes from: the fields that are known there, and how they are asked for. */
export interface From {
  readonly source: Source;
  readonly target: Target;
  /** This panel's own id, where others take their answer from it. */
  readonly id?: number;
}

interface Looks {
  readonly size?: readonly [width: number, height: number];
  readonly unit?: string;
  readonly description?: string;
  readonly more?: readonly Transformation[];
}

const timeColumn: Column = { field: '$time', name: 'Time' };

/** Lines over time. */
export function lines(title: string, from: From, list: readonly Column[], looks: Looks = {}): Panel {
  return timeSeries(title, from, list, looks, { drawStyle: 'line', lineWidth: 1, fillOpacity: 8 });
}

/** Counts over time, one upon the other. */
export function bars(title: string, from: From, list: readonly Column[], looks: Looks = {}): Panel {
  const stacking = { mode: 'normal', group: 'A' };
  return timeSeries(title, from, list, looks, { drawStyle: 'bars', lineWidth: 0, fillOpacity: 80, stacking });
}

function timeSeries(title: string, from: From, list: readonly Column[], looks: Looks, custom: object): Panel {
  return {
    ...common(title, from, looks),
    type: 'timeseries',
    transformations: [...(looks.more ?? []), columns(known(from, list, looks), [timeColumn])],
    fieldConfig: {
      defaults: { ...unitOf(looks), min: 0, custom: { ...custom, showPoints: 'never', spanNulls: 60_000 } },
      overrides: overrides(list),
    },
    options: {
      legend: { displayMode: 'table', placement: 'bottom', calcs: ['mean', 'max'], showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  };
}

/** One number for each column: what `calc` makes of its rows. */
export function stats(
  title: string,
  from: From,
  list: readonly Column[],
  looks: Looks & { readonly calc?: 'lastNotNull' | 'sum' | 'max' } = {},
): Panel {
  return {
    ...common(title, from, looks),
    type: 'stat',
    transformations: [...(looks.more ?? []), columns(known(from, list, looks))],
    fieldConfig: {
      defaults: { ...unitOf(looks), color: { mode: 'thresholds' }, thresholds: thresholds([]) },
      overrides: overrides(list),
    },
    options: {
      reduceOptions: { values: false, calcs: [looks.calc ?? 'lastNotNull'], fields: '/.*/' },
      orientation: 'auto',
      textMode: 'value_and_name',
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
    },
  };
}

/** A bar for each column of the one row: a list of the highest, or a histogram. */
export function ranking(title: string, from: From, looks: Looks & { readonly link?: string } = {}): Panel {
  const { link } = looks;
  const links = link === undefined ? {} : { links: [{ title: 'Show', url: link, targetBlank: false }] };
  const isHistogram = from.source.fields.length > 0;
  return {
    ...common(title, from, looks),
    type: 'bargauge',
    transformations: isHistogram
      ? [columns(from.source.fields.map((field) => ({ field, name: bucketName(field) })))]
      : [],
    fieldConfig: {
      defaults: {
        ...unitOf(looks),
        ...links,
        min: 0,
        color: { mode: 'continuous-BlPu' },
        thresholds: thresholds([]),
      },
      overrides: [],
    },
    options: {
      reduceOptions: { values: false, calcs: ['lastNotNull'], fields: '' },
      orientation: isHistogram ? 'vertical' : 'horizontal',
      displayMode: 'gradient',
      valueMode: 'color',
      showUnfilled: true,
      namePlacement: 'auto',
      sizing: 'auto',
      minVizHeight: 16,
      minVizWidth: 8,
      maxVizHeight: 300,
    },
  };
}

/** Rows as they are. */
export function table(title: string, from: From, list: readonly Column[], looks: Looks = {}): Panel {
  return {
    ...common(title, from, { size: [24, 10], ...looks }),
    type: 'table',
    transformations: [...(looks.more ?? []), columns(known(from, list, looks))],
    fieldConfig: {
      defaults: { custom: { align: 'auto', filterable: true, cellOptions: { type: 'auto' } } },
      overrides: overrides(list),
    },
    options: { showHeader: true, cellHeight: 'sm', footer: { show: false, reducer: ['sum'], fields: '' } },
  };
}

/** A band over time that says what state something was in. */
export function timeline(title: string, from: From, list: readonly Column[], looks: Looks = {}): Panel {
  return {
    ...common(title, from, looks),
    type: 'state-timeline',
    transformations: [columns(known(from, list, looks), [timeColumn])],
    fieldConfig: {
      defaults: {
        color: { mode: 'thresholds' },
        thresholds: thresholds([[1, 'green']], 'red'),
        mappings: [upOrDown],
        custom: { fillOpacity: 80, lineWidth: 0, spanNulls: 60_000 },
      },
      overrides: overrides(list),
    },
    options: { mergeValues: true, showValue: 'never', rowHeight: 0.8, legend: { showLegend: false } },
  };
}

export const upOrDown = {
  type: 'value',
  options: { '0': { text: 'down', color: 'red', index: 0 }, '1': { text: 'up', color: 'green', index: 1 } },
};

/** Colours from values on; `base` below the first. */
export function thresholds(steps: readonly (readonly [number, string])[], base = 'text'): object {
  return {
    mode: 'absolute',
    steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
  };
}

/** One column by another, row by row; `0/0` has no value. */
export function quotient(left: string, right: string, alias: string): Transformation {
  return {
    id: 'calculateField',
    options: { mode: 'binary', alias, binary: { left, operator: '/', right } },
  };
}

/** One row with the sum of each of these columns. */
export function sums(fields: readonly string[]): readonly Transformation[] {
  return [
    { id: 'filterFieldsByName', options: { include: { names: [...fields] } } },
    { id: 'reduce', options: { mode: 'reduceFields', reducers: ['sum'], includeTimeField: false } },
  ];
}

/** Only rows in which a text is this one. */
export function where(fieldName: string, value: string): Transformation {
  const filter = { fieldName, config: { id: 'equal', options: { value } } };
  return { id: 'filterByValue', options: { type: 'include', match: 'any', filters: [filter] } };
}

export function highestFirst(field: string): Transformation {
  return { id: 'sortBy', options: { sort: [{ field, desc: true }] } };
}

function common(title: string, { target, id }: From, { size, description }: Looks) {
  return {
    title,
    ...(description === undefined ? {} : { description }),
    ...(id === undefined ? {} : { id }),
    datasource: target.datasource satisfies Datasource,
    targets: [target],
    size: size ?? ([12, 8] as const),
  };
}

function unitOf({ unit }: Looks): object {
  return unit === undefined ? {} : { unit };
}

/** Columns that neither stand in Redis nor are made by a transformation would be empty in Grafana. */
function known({ source }: From, list: readonly Column[], { more = [] }: Looks): readonly Column[] {
  const made = more.flatMap(({ options }) => ('alias' in options ? [options.alias] : []));
  for (const { field } of list) {
    if (!source.fields.includes(field) && !made.includes(field)) {
      throw new Error(`${source.key} has no field ${field}.`);
    }
  }
  return list;
}

function bucketName(field: string): string {
  if (field.startsWith('r_')) return field.slice(2);
  if (!field.startsWith('le_')) return 'more';
  const ms = Number(field.slice(3));
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}
