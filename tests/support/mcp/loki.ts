import { Listener } from './listener';

/** One line of a log as promtail would have sent it. */
export interface KeptLine {
  readonly at: Date;
  readonly labels: Readonly<Record<string, string>>;
  readonly line: string;
}

/**
 * Answers the two paths of Loki's HTTP API that are used, as its reference documents them: log queries with a
 * stream selector (`=`, `=~`) and line filters (`|~`), in nanoseconds, with a limit and a direction.
 */
export async function startLoki(lines: readonly KeptLine[]) {
  const queries: { query: string; start: bigint; end: bigint; limit: number }[] = [];
  const listener = new Listener((req, res) => {
    const url = new URL(req.url ?? '/', 'http://loki');
    const reply = (status: number, body: unknown) =>
      res
        .writeHead(status, { 'content-type': 'application/json' })
        .end(typeof body === 'string' ? body : JSON.stringify(body));
    if (url.pathname === '/ready') return reply(200, 'ready');
    const label = /^\/loki\/api\/v1\/label\/([^/]+)\/values$/.exec(url.pathname)?.[1];
    if (label !== undefined) {
      const values = new Set(lines.flatMap((each) => each.labels[label] ?? []));
      return reply(200, { status: 'success', data: [...values] });
    }
    if (url.pathname !== '/loki/api/v1/query_range') return reply(404, 'page not found');
    const asked = (name: string) => url.searchParams.get(name) ?? '';
    const question = {
      query: asked('query'),
      start: BigInt(asked('start')),
      end: BigInt(asked('end')),
      limit: Number(asked('limit')),
    };
    queries.push(question);
    const accepts = compile(question.query);
    if (accepts === undefined) return reply(400, `parse error : ${question.query}`);
    const found = lines
      .map((each) => ({ ...each, nanoseconds: BigInt(each.at.getTime()) * 1_000_000n }))
      .filter(({ nanoseconds }) => nanoseconds >= question.start && nanoseconds < question.end)
      .filter(accepts)
      .sort((a, b) => Number(b.nanoseconds - a.nanoseconds))
      .slice(0, question.limit);
    const streams = grouped(found);
    reply(200, {
      status: 'success',
      data: {
        resultType: 'streams',
        result: [...streams].map(([labels, values]) => ({
          stream: JSON.parse(labels) as unknown,
          values: values.map(({ nanoseconds, line }) => [`${nanoseconds}`, line]),
        })),
        stats: {},
      },
    });
  });
  await listener.up();
  return { url: `http://127.0.0.1:${listener.port}`, queries, stop: () => listener.down() };
}

type Kept = KeptLine & { nanoseconds: bigint };

function grouped(lines: readonly Kept[]): Map<string, Kept[]> {
  const groups = new Map<string, Kept[]>();
  for (const each of lines) {
    const key = JSON.stringify(each.labels);
    groups.set(key, [...(groups.get(key) ?? []), each]);
  }
  return groups;
}

/** A selector and line filters; undefined where the query is none that Loki would take. */
function compile(query: string): ((line: KeptLine) => boolean) | undefined {
  const string = '"(?:[^"\\\\]|\\\\.)*"';
  const whole = new RegExp(`^\\{(\\w+)(=~|=)(${string})\\}((?: \\|~ ${string})*)$`).exec(query);
  if (whole === null) return undefined;
  const [, label = '', operator, value = '""', rest = ''] = whole;
  const wanted = JSON.parse(value) as string;
  const filters = (rest.match(new RegExp(string, 'g')) ?? []).map((each) =>
    regex(JSON.parse(each) as string),
  );
  return ({ labels, line }) => {
    const has = labels[label] ?? '';
    const fits = operator === '=' ? has === wanted : new RegExp(`^(?:${wanted})$`).test(has);
    return fits && filters.every((filter) => filter.test(line));
  };
}

/** RE2 writes "in any case" into the pattern. */
const regex = (pattern: string): RegExp =>
  pattern.startsWith('(?i)') ? new RegExp(pattern.slice(4), 'i') : new RegExp(pattern);
