/** `./scripts/status`: one table of all parts, and how far the installation has come. */
import { flag, readCommand, text } from './arguments';
import { StartError } from './errors';
import { phasesOf, type Phase } from './operate/phases';
import { registeredServers } from './operate/registered';
import { readParts, type Row } from './operate/rows';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { runScript } from './run-script';

/** 0: all is well; 1: something is not, and turns work; 2: turns do not work; 3: it could not be found out. */
async function status(args: readonly string[]): Promise<number> {
  const { values, positionals } = readCommand('status', args, {
    ...installationOptions,
    json: flag,
    phases: flag,
    registered: flag,
    model: text,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to status (see ./scripts/status --help).`);
  const installation = whichInstallation(values);
  const rows = await readParts(installation);
  const phases = values.phases === true ? await phasesOf(installation, rows, values.model) : undefined;
  const registered = values.registered === true ? await registeredServers(installation, rows) : undefined;
  const code = Math.max(codeOf(rows), phases?.some(({ result }) => result === 'failed') === true ? 1 : 0);
  if (values.json === true) {
    const report = {
      installation: installation.kind,
      code,
      parts: rows,
      ...(registered === undefined ? {} : { registered }),
      ...(phases === undefined ? {} : { phases }),
    };
    console.log(JSON.stringify(report, null, 2));
    return code;
  }
  const cells = rows.map((row) => [row.part, row.detail ?? '', row.state, row.since ?? '', row.reason ?? '']);
  for (const line of table(['part', '', 'state', 'since', 'reason'], cells)) console.log(line);
  if (registered !== undefined) {
    console.log('');
    const known = registered.map((each) => [
      each.server,
      each.alias,
      each.transport,
      each.state ?? 'unknown',
    ]);
    for (const line of table(['registered at LiteLLM', 'alias', 'transport', 'state'], known))
      console.log(line);
  }
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

function table(head: readonly string[], cells: readonly (readonly string[])[]): string[] {
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
