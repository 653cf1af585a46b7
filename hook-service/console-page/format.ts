/** Numbers and times as people read them. */

const round = (value: number, digits: number): string => value.toFixed(digits).replace(/\.0+$/, '');

/** `840 ms`, `1.2 s`, `3 min 5 s`. */
export function duration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${round(ms / 1000, ms < 9_950 ? 2 : 1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return two(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

const two = (large: number, unit: string, small: number, smaller: string): string =>
  `${large} ${unit}${small === 0 ? '' : ` ${small} ${smaller}`}`;

/** `just now`, `12 s ago`, `3 h ago`. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** `512 B`, `1.5 kB`. */
export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1_000_000) return `${round(count / 1000, 1)} kB`;
  return `${round(count / 1_000_000, 1)} MB`;
}

/** `$0.0123`, `$1.20`, `under $0.0001`. */
export function money(dollars: number): string {
  if (dollars > 0 && dollars < 0.0001) return 'under $0.0001';
  const digits = dollars === 0 || dollars >= 1 ? 2 : 4;
  return `$${dollars.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

/** `1,234`. */
export const number = (count: number): string => count.toLocaleString('en-US');

export const plural = (count: number, what: string): string =>
  `${number(count)} ${what}${count === 1 ? '' : 's'}`;

/** `14:03:22`, in the reader's zone. */
export const clock = (at: number): string => new Date(at).toLocaleTimeString('en-GB');

export const dateTime = (at: number): string => new Date(at).toLocaleString('en-GB');

/** `limit_rounds` as `limit rounds`. */
export const words = (name: string): string => name.replaceAll('_', ' ');
