import type { Mark } from '../config/problems';
import type { ComposeService } from './compose';
import { entriesOf, itemsOf, textOf } from './yaml-source';

/** The health check of a service: its words as one text, and whether it is switched off. */
export function healthOf(
  service: ComposeService,
): { readonly at: Mark; readonly testAt: Mark; readonly text: string; readonly isOff: boolean } | undefined {
  const entry = service.get('healthcheck');
  if (entry === undefined) return undefined;
  const values = entriesOf(entry.value);
  const test = values.get('test');
  const disable = values.get('disable')?.value;
  const text =
    test?.value.kind === 'scalar'
      ? (textOf(test.value) ?? '')
      : itemsOf(test?.value)
          .map((item) => textOf(item) ?? '')
          .join(' ');
  const isOff = (disable?.kind === 'scalar' && disable.value === true) || /^NONE$/.test(text);
  return { at: entry.at, testAt: test?.at ?? entry.at, text, isOff };
}
