import { ago, dateTime } from './format.ts';
import { h, type ComponentChildren } from './preact.js';
import type { State as Health } from './shapes.ts';
import { now } from './store.ts';

/** Small things that several pages use. */

const tones: Readonly<Record<Health, string>> = {
  ready: 'good',
  starting: 'busy',
  reconnecting: 'warn',
  degraded: 'warn',
  incompatible: 'bad',
  failed: 'bad',
  disabled: 'off',
};

/** A state in a word, with a mark that does not need colour. */
export const StateBadge = ({ state }: { state: Health }) => <Badge tone={tones[state]}>{state}</Badge>;

export const Badge = ({ tone, children }: { tone: string; children: ComponentChildren }) => (
  <span class={`badge ${tone}`}>{children}</span>
);

export const Ago = ({ at }: { at: number }) => (
  <time dateTime={new Date(at).toISOString()} title={dateTime(at)}>
    {ago(at, now())}
  </time>
);

export const Heading = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <header class="heading">
    <h1 tabIndex={-1}>{title}</h1>
    {children}
  </header>
);

/** Names and values; those without a value are left out. */
export const Facts = ({ of, wide }: { of: readonly (readonly [string, string])[]; wide?: boolean }) => (
  <dl class={wide === true ? 'facts wide' : 'facts'}>
    {of
      .filter(([, value]) => value !== '')
      .map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

export const Problem = ({ text }: { text: string | undefined }) =>
  text === undefined ? null : (
    <p class="problem" role="alert">
      {text}
    </p>
  );

/** A value that people may want to read whole, on one line. */
export const Code = ({ children }: { children: ComponentChildren }) => <code>{children}</code>;

/** JSON or text of any length, that scrolls and can be reached by keyboard. */
export const Block = ({ label, text }: { label: string; text: string }) => (
  <pre class="block" tabIndex={0} role="region" aria-label={label}>
    {text}
  </pre>
);

export const json = (value: unknown): string => JSON.stringify(value, undefined, 2) ?? '';
