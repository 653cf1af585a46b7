import type { ComposeService } from '../compose';
import type { Rule } from '../rule';
import { entriesOf, textOf } from '../yaml-source';

/** What a service of the stack has, and the line that gives it. */
const wanted: readonly {
  readonly keys: readonly string[];
  readonly id: string;
  readonly line?: string;
  readonly what: string;
}[] = [
  {
    keys: ['labels'],
    id: 'K36',
    what: 'labels, so promtail does not find its logs',
    line: 'labels: {logging: enabled, project: litellm}',
  },
  { keys: ['restart'], id: 'K70', what: 'restart', line: 'restart: unless-stopped' },
  {
    keys: ['logging'],
    id: 'K70',
    what: 'log rotation',
    line: 'logging: {driver: json-file, options: {max-size: 20m, max-file: "5"}}',
  },
  { keys: ['mem_limit', 'deploy'], id: 'K70', what: 'limit of memory', line: 'mem_limit: 512m' },
];

/** Services without labels, log rotation, limits or restart. */
export const serviceCare: Rule = {
  ids: ['K70', 'K36'],
  level: 'warning',
  title: 'A service lacks what keeps it running and seen',
  why: 'Its log fills the disk, one leak takes the host down, it stays away after a reboot, or its logs are never collected.',
  mends: true,
  *find(context) {
    for (const service of context.services.filter((each) => each.isWhole)) {
      for (const { keys, id, line, what } of wanted) {
        if (keys.some((key) => service.get(key) !== undefined)) continue;
        // A limit that is guessed could end a service that works.
        const edits =
          line === undefined || id === 'K36' || keys[0] !== 'mem_limit'
            ? service.source.insertInside(service.at, [line ?? ''])
            : [];
        yield {
          id,
          at: service.at,
          message: `${service.name} has no ${what}`,
          change: line === undefined ? [] : [line],
          ...(edits.length > 0 ? { fix: { edits } } : {}),
        };
      }
      const labels = service.get('labels');
      if (labels !== undefined && !hasLabel(service))
        yield {
          id: 'K36',
          at: labels.at,
          message: `${service.name} has no label logging=enabled`,
          change: ['labels: {logging: enabled, project: litellm}'],
        };
    }
  },
};

function hasLabel(service: ComposeService): boolean {
  const labels = service.get('labels')?.value;
  if (labels?.kind === 'seq') return labels.items.some((item) => textOf(item) === 'logging=enabled');
  return textOf(entriesOf(labels).get('logging')?.value) === 'enabled';
}
