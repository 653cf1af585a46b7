import { join } from 'node:path';
import { alerting } from './alerts';
import { cost } from './cost';
import { logs } from './logs';
import { rendered } from './render';
import { safety } from './safety';
import { servers } from './servers';
import { tools } from './tools';
import { turns } from './turns';

export const dashboards = [turns, tools, servers, cost, safety, logs] as const;

const folder = join(__dirname, '..');

/** Path and content of every file that is made from this folder. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...dashboards.map((each): [string, string] => [
      join(folder, 'dashboards', `${each.uid}.json`),
      text(rendered(each)),
    ]),
    // Grafana reads JSON as the YAML that it is.
    [join(folder, 'provisioning', 'alerting', 'toolturn.yaml'), text(alerting())],
  ]);
}

function text(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
