/** BENCHMARKS.md: what one run found, and how. */
import { mostByOthers, widest, type Figure, type RowResult } from './figures';
import { interval, reach, spanned, value } from './report';
import { pairs } from './rows/row';
import type { Report } from './run';

/** The page; `findings` is what people wrote about it, with headings of the second level. */
export function benchmarks(report: Report, findings: string): string {
  return [
    '# Benchmarks',
    '',
    '`./scripts/bench --write` wrote this page; `./scripts/bench --help` says how to run it, whole or one row. What the figures were made of, each sample’s median and spread included, stands in [bench/results.json](bench/results.json).',
    '',
    ...(report.quick
      ? ['**A quick run: few samples, which show that the bench works and little else.**', '']
      : []),
    '## In short',
    '',
    ...short(report.rows),
    '',
    ...report.failed.flatMap(({ name, reason }) => [`\`${name}\` could not be measured: ${reason}`, '']),
    '## Where and when',
    '',
    ...where(report),
    '',
    ...method(report),
    '',
    '## Every figure',
    '',
    'A figure is one subject compared with another; the interval holds 95 % of what drawing the rounds anew gives. Behind each row stands the share of the machine that others used meanwhile.',
    '',
    ...report.rows.flatMap(section),
    findings.trim(),
    '',
  ].join('\n');
}

function short(rows: readonly RowResult[]): string[] {
  const withReach = rows.flatMap((row) =>
    row.figures.filter((each) => each.reach !== undefined).map((each) => [row, each] as const),
  );
  return table(
    ['row', 'measured as', 'to', 'figure', '95 % interval', 'reach', 'verdict'],
    withReach.map(([row, each]) => [
      `[${row.title}](#${anchor(row)})`,
      each.what,
      each.against ?? '',
      value(each),
      interval(each),
      reach(each),
      verdict(each),
    ]),
  );
}

const verdict = (each: Figure): string => (each.verdict === 'reached' ? 'reached' : `**${each.verdict}**`);

function where({ at, machine, versions, providerMs, seconds }: Report): string[] {
  return [
    `- ${at.slice(0, 16).replace('T', ' ')} UTC, commit ${machine.commit}, ${Math.round(seconds / 60)} minutes.`,
    `- ${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Linux ${machine.kernel}, load ${machine.load.toFixed(1)} before the start.`,
    `- Node ${machine.node}, LiteLLM ${versions.litellm}, newest LiteLLM ${versions.newest ?? 'not installed: left out'}.`,
    `- The scripted provider works ${providerMs.toFixed(2)} ms on a request, waiting that a row asks for included.`,
  ];
}

function method({ rows }: Report): string[] {
  const noisy = rows.filter(({ others }) => others > mostByOthers).map(({ name }) => `\`${name}\``);
  return [
    '## Method',
    '',
    '- **Who is compared.** Toolturn: LiteLLM with the door, hook-service, Redis, one process each. LiteLLM alone: a second process of the same LiteLLM on the same config less the guardrail. The client-side loop asks that one, with the tools that Toolturn would offer attached, over MCP sessions that are open. Where turns are compared both clients are the official ones (OpenAI’s and MCP’s for Node), as real clients are; “without libraries” both are bare POSTs on kept connections, and no client can be faster. Newest LiteLLM runs the tools of the same MCP server itself.',
    '- **In turns.** At one client the subjects are asked request by request, the order turned round each time; at several clients in blocks of seconds, likewise, counted while all clients are at work; rates are compared by their means, times by their medians in each round and these by their median. So whatever else the machine does falls on all of them alike. Figures of different runs are not compared.',
    `- **Load** comes from a process of its own; the scripted provider and the MCP server (the official SDK’s) are processes too. Each answer is checked: behind a call it holds what only the tool knows. Each question is asked once, since equal ones at the same time would be one turn. Behind warm-up: some dozen requests, and 1,000 requests of each side where rates have a reach. Where turns and chats have a reach they are measured with ${pairs} pairs of processes, one after the other, and only the two that are compared take turns then: two processes of the same program differ by some percent for as long as they run. Those of a pair have the same seed for Python’s hashes (\`PYTHONHASHSEED\`), each pair another one: of eight processes of LiteLLM alone four with one seed had a p50 of 8.6 to 9.1 ms, four with seeds of their own 8.1 to 9.7.`,
    '- **Twelve tools** are offered. “Tools from the client”: the same definitions in the client’s own request, so that LiteLLM and the provider have the same to read; “no tools” is the same chat without any.',
    `- **Verdicts.** A figure is reached as it is printed. It is too noisy where its reach lies within the interval and that is wider than ${widest.ratio * 100} % of a ratio, or than half the reach of what is no ratio; where time that something adds is as far below zero; and, unless it is counted or a quarter away from its reach, where others used more than ${mostByOthers * 100} % of the machine during its row.`,
    '- **Not compared:** Bifrost. Its Go module is not to be had through the module proxy here (403), and its npm package downloads a program from a host that cannot be reached.',
    ...(noisy.length === 0 ? [] : [`- **This run:** others used the machine during ${noisy.join(', ')}.`]),
  ];
}

function section(row: RowResult): string[] {
  return [
    `### ${row.title}`,
    '',
    ...table(
      [
        'measured as',
        'subject',
        'to',
        'figure',
        '95 % interval',
        'reach',
        'verdict',
        'medians (middle half)',
      ],
      row.figures.map((each) => [
        each.what,
        each.subject,
        each.against ?? '',
        value(each),
        interval(each),
        reach(each),
        each.verdict === 'measured' ? '' : verdict(each),
        each.of.map(spanned).join('; '),
      ]),
    ),
    '',
    `\`./scripts/bench --row ${row.name}\`; ${Math.round(row.seconds)} s; others used ${Math.round(row.others * 100)} % of the machine.`,
    '',
    ...row.notes.flatMap((note) => [note, '']),
  ];
}

/** As GitHub makes it of a heading. */
const anchor = ({ title }: RowResult): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-');

export function table(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...body.map(line)];
}
