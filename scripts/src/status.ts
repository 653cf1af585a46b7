/** `./scripts/status`: one table of all parts, and how far the installation has come. */
import { flag, readCommand, text } from './arguments';
import { StartError } from './errors';
import { phasesOf, type Phase } from './operate/phases';
import { readParts, type Row } from './operate/rows';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { runScript } from './run-script';

/** 0: all is well; 1: something is not, and turns work; 2: turns do not work; 3: it could not be found out. */
async function status(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('status', args, {
    ...installationOptions,
    json: flag,
    phases: flag,
    model: text,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to status (see ./scripts/status --help).`);
  const installation = whichInstallation(values);
  const rows = await readParts(installation);
  const phases = values.phases === true ? await phasesOf(installation, rows, values.model) : undefined;
  const code = Math.max(codeOf(rows), phases?.some(({ result }) => result === 'failed') === true ? 1 : 0);
  if (values.json === true) {
    console.log(
      JSON.stringify(
        { installation: installation.kind, code, parts: rows, ...(phases === undefined ? {} : { phases }) },
        null,
        2,
      ),
    );
    return code;
  }
  for (const line of table(rows)) console.log(line);
  if (phases !== undefined) {
    console.log('');
    for (const line of phaseLines(phases)) console.log(line);
  }
  return code;
}

/** Without LiteLLM or hook-service there is no turn; everything else costs what depends on it. */
function codeOf(rows: readonly Row[]): number {
  const ill = rows.filter(({ well }) => !well);
  return ill.some(({ part }) => part === 'LiteLLM' || part === 'hook-service') ? 2 : ill.length > 0 ? 1 : 0;
}

function table(rows: readonly Row[]): string[] {
  const cells = rows.map(({ part, detail, state, since, reason }) => [
    part,
    detail ?? '',
    state,
    since ?? '',
    reason ?? '',
  ]);
  const head = ['part', '', 'state', 'since', 'reason'];
  const widths = head.map((_, column) =>
    Math.max(...[head, ...cells].map((row) => row[column]?.length ?? 0)),
  );
  return [head, ...cells].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function phaseLines(phases: readonly Phase[]): string[] {
  const marks = { done: 'ok', failed: '--', 'not tried': '  ' };
  return phases.map(
    ({ phase, result, detail }) =>
      `  ${marks[result].padEnd(3)} ${phase}${detail === undefined ? '' : `: ${detail}`}`,
  );
}

runScript('status', status, 3);
