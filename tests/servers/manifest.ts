/** The tools that each server of the suite is expected to have, and how that is agreed upon. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Expected {
  readonly version: string;
  readonly era: string;
  readonly protocol: string;
  /** Names of the tools that are offered, sorted. */
  readonly tools: readonly string[];
  /** Tools that it lists and that are not offered. */
  readonly not_offered: readonly string[];
  /** Size of the offered definitions, as the model gets them, in bytes of JSON. */
  readonly bytes: number;
}

const file = join(__dirname, 'manifest.json');

export function readManifest(): Readonly<Record<string, Expected>> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Expected>;
}

/** Puts what was found in place of what was expected, for the servers that ran. */
export function writeManifest(found: Readonly<Record<string, Expected>>): void {
  writeFileSync(file, `${JSON.stringify({ ...readManifest(), ...found }, null, 2)}\n`);
}

/** What differs, in words; undefined where nothing does. The size is told, and not compared. */
export function difference(
  server: string,
  expected: Expected | undefined,
  found: Expected,
): string | undefined {
  if (expected === undefined) return `${server} does not stand in tests/servers/manifest.json.`;
  const lines = (['version', 'era', 'protocol'] as const).flatMap((field) =>
    expected[field] === found[field] ? [] : [`  ${field}: ${expected[field]} -> ${found[field]}`],
  );
  for (const list of ['tools', 'not_offered'] as const) {
    const gone = expected[list].filter((tool) => !found[list].includes(tool));
    const come = found[list].filter((tool) => !expected[list].includes(tool));
    lines.push(...gone.map((tool) => `  ${list}: - ${tool}`), ...come.map((tool) => `  ${list}: + ${tool}`));
  }
  if (lines.length === 0) return undefined;
  const accept = 'If that is as it should be: scripts/test-servers --write-docs';
  return [`${server} is not what tests/servers/manifest.json says:`, ...lines, accept].join('\n');
}
