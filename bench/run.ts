/** Runs rows of the bench, one after the other, on parts that are started once. */
import { judged, type RowResult } from './figures';
import { shareOfOthers, usage } from './parts/cpu';
import { Lab, versions } from './parts/lab';
import { machine, type Machine } from './parts/machine';
import { lines } from './report';
import { rows as allRows } from './rows/all';
import type { Row } from './rows/row';

export interface BenchOptions {
  /** Names of rows; none: all. */
  readonly rows: readonly string[];
  /** Few samples: shows that everything works, and says little. */
  readonly quick: boolean;
  readonly profiles?: string;
  readonly say: (line: string) => void;
}

/** All that one run found; `--json` prints it. */
export interface Report {
  readonly at: string;
  readonly quick: boolean;
  readonly machine: Machine;
  readonly versions: ReturnType<typeof versions>;
  readonly rows: readonly RowResult[];
  /** Rows that could not be measured, with the reason. */
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
  /** What the provider itself took of its requests, in milliseconds each. */
  readonly providerMs: number;
  /** Costs of a turn in seconds, bytes and operations, for the cost model. */
  readonly costs: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** The rows by name; throws where there is none of that name. */
function chosen(names: readonly string[]): readonly Row[] {
  const unknown = names.filter((name) => !allRows.some((row) => row.name === name));
  if (unknown.length > 0) {
    const known = allRows.map(({ name }) => name).join(', ');
    throw new Error(`There is no row ${unknown.join(', ')}; there are ${known}.`);
  }
  return names.length === 0 ? allRows : allRows.filter(({ name }) => names.includes(name));
}

/** Measures. A row that fails is noted and the others go on. */
export async function runBench({ rows, quick, profiles, say }: BenchOptions): Promise<Report> {
  const begun = performance.now();
  const wanted = chosen(rows);
  const before = machine();
  say('starting the provider, the tool server and the load process');
  const lab = await Lab.start(profiles === undefined ? {} : { profiles });
  const costs: Record<string, number> = {};
  try {
    const results: RowResult[] = [];
    const failed: { name: string; reason: string }[] = [];
    for (const row of wanted) {
      say(`${row.name}: ${row.title}`);
      const from = usage();
      try {
        const { figures, notes = [] } = await row.run({
          lab,
          costs,
          many: (full) => (quick ? Math.max(2, Math.round(full / 10)) : full),
          seconds: (full) => (quick ? full / 5 : full),
        });
        const to = usage();
        const [seconds, others] = [to.at - from.at, shareOfOthers(from, to)];
        results.push(judged({ name: row.name, title: row.title, figures, notes, seconds, others }));
        for (const line of lines(results.slice(-1))) say(`  ${line}`);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        failed.push({ name: row.name, reason });
        say(`  failed: ${reason}`);
      }
    }
    const used = (await (await fetch(`http://127.0.0.1:${lab.provider.port}/used`)).json()) as {
      requests: number;
      workedMs: number;
    };
    return {
      at: new Date().toISOString(),
      quick,
      machine: before,
      versions: versions(),
      rows: results,
      failed,
      providerMs: used.requests === 0 ? 0 : used.workedMs / used.requests,
      costs,
      seconds: (performance.now() - begun) / 1_000,
    };
  } finally {
    await lab.close();
  }
}
