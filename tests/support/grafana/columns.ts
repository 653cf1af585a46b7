import { parseFloat64 } from './go-values';

/** A column of a frame. Times are in milliseconds since 1970. */
export interface Column {
  readonly name: string;
  readonly type: 'number' | 'string' | 'time';
  readonly values: readonly (number | string)[];
}

export interface Frame {
  readonly name: string;
  readonly columns: readonly Column[];
}

/** What one target comes to: frames, or the error that the panel shows. */
export interface FrameResult {
  readonly frames: readonly Frame[];
  readonly error?: string;
}

/** A column of one value: a number where Go reads one, else text. */
export function column(name: string, value: string): Column {
  const { value: number, isNumber } = parseFloat64(value);
  return isNumber ? { name, type: 'number', values: [number] } : { name, type: 'string', values: [value] };
}

/** A frame of one value. */
export function valueFrame(name: string, value: string, columnName: string): Frame {
  return { name, columns: [column(columnName, value)] };
}
