import * as layout from './layout';
import { otherPanel, redis, type Target } from './panel';

/** Keys of one stream or hash, and the fields that stand there. */
export interface Source {
  readonly key: string;
  readonly fields: readonly string[];
}

export const rollup: Source = { key: 'toolturn:ts:rollup', fields: layout.rollupFields };
export const toolStream: Source = { key: 'toolturn:ts:tool:$tool', fields: layout.toolFields };
export const serverStream: Source = { key: 'toolturn:ts:server:$server', fields: layout.serverFields };
export const keyStream: Source = { key: 'toolturn:ts:key:$key', fields: layout.keyFields };
export const modelStream: Source = { key: 'toolturn:ts:model:$model', fields: layout.modelFields };
export const recentCalls: Source = {
  key: 'toolturn:calls',
  fields: [...layout.callTexts, ...layout.callNumbers],
};
export const recentTurns: Source = {
  key: 'toolturn:turns',
  fields: [...layout.turnTexts, ...layout.turnNumbers],
};
export const gauges: Source = {
  key: 'toolturn:gauges',
  fields: [...layout.gaugeNumbers, ...layout.gaugeTexts],
};
export const serverState: Source = {
  key: 'toolturn:server:$server',
  fields: [...layout.stateTexts, ...layout.stateNumbers],
};
export const toolSums: Source = { key: 'toolturn:tool:$tool', fields: layout.toolSums };
export const toolDurations: Source = { key: 'toolturn:hist:$tool', fields: layout.durationBuckets };
export const turnDurations: Source = { key: 'toolturn:hist-turn:ms', fields: layout.durationBuckets };
export const turnRounds: Source = { key: 'toolturn:hist-turn:rounds', fields: layout.roundBuckets };

const base = { refId: 'A', datasource: redis, type: 'command' };

/** Every row of the dashboard's time range. */
export function range({ key }: Source): Target {
  return { ...base, command: 'xrange', keyName: key, start: '', end: '', count: 0, query: '' };
}

/** The newest rows of the dashboard's time range, the newest first. */
export function newest({ key }: Source, count: number): Target {
  return { ...base, command: 'xrevrange', keyName: key, start: '', end: '', count, query: '' };
}

/** One row, with a column per field. */
export function hash({ key }: Source): Target {
  return { ...base, command: 'hgetall', keyName: key, query: '' };
}

/** One row, with a column per member: the highest ten, the highest first. */
export function top(list: string): Target {
  if (!layout.topLists.includes(list)) throw new Error(`There is no list ${list}.`);
  const keyName = `toolturn:${list}`;
  return { ...base, command: 'zrange', keyName, min: '0', max: '9', zrangeQuery: 'REV', query: '' };
}

/** What Redis tells of itself. */
export function info(section: string): Target {
  return { ...base, command: 'info', section, query: '' };
}

/** What another panel got, as it came from Redis: asked for once, however many panels show a part of it. */
export function of(panelId: number): Target {
  return { refId: 'A', datasource: otherPanel, panelId, withTransforms: false };
}
