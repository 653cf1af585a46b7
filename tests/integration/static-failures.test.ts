/** The failure policy is one: the table in code, the one of ARCHITECTURE.md, and what the door does, which reads neither. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../../hook-service/src/core/failure-policy';
import { failureTable } from '../../hook-service/src/core/failure-table';
import { failureProblems, withFailures } from '../support/failures/render';

const root = join(__dirname, '..', '..');
const page = join(root, 'ARCHITECTURE.md');
const door = readFileSync(join(root, 'litellm', 'toolturn_guardrail.py'), 'utf8');

it('each part that can fail names tests that show it, and each of them exists', () => {
  expect(failureProblems()).toEqual([]);
}, 120_000);

it('ARCHITECTURE.md has the table that the code goes by', () => {
  const written = readFileSync(page, 'utf8');
  const made = withFailures(written);
  if (process.env.TOOLTURN_WRITE_DOCS === '1') writeFileSync(page, made);
  expect(readFileSync(page, 'utf8')).toBe(made);
});

const inDoor = Object.entries<Failure>(failureTable).flatMap(([id, row]) =>
  row.door === undefined ? [] : [[id, row.door] as const],
);

it.each(inDoor)(
  'the door logs and answers as the table says: %s',
  (_id, { level, line, status, message }) => {
    expect(door).toContain(`verbose_proxy_logger.${level}("toolturn: ${line}`);
    if (message === undefined) return;
    const name = new RegExp(`^(\\w+) = "${message}"$`, 'm').exec(door)?.[1];
    expect(name).toBeDefined();
    expect(door).toMatch(new RegExp(`\\(${status}, detail=\\{"error": ${name}\\}|\\(${name}, ${status}\\)`));
  },
);

it('a text of the table that the code fills in is written nowhere else', () => {
  const source = (name: string): string => readFileSync(join(root, 'hook-service', 'src', name), 'utf8');
  const texts = Object.values<Failure>(failureTable).flatMap(({ error, told, lines }) => [
    ...(error === undefined ? [] : [error.message]),
    ...Object.values(told ?? {}),
    ...Object.values(lines ?? {}).map(([, text]) => text),
  ]);
  expect(texts.length).toBeGreaterThan(40);
  const elsewhere = deciding.flatMap((name) => {
    const written = source(name);
    return texts
      .filter((text) => !text.includes('{') && written.includes(text))
      .map((text) => `${name}: ${text}`);
  });
  expect(elsewhere).toEqual([]);
});

/** The files that meet failures. */
const deciding = [
  'config/reloader.ts',
  'console/app.ts',
  'core/audit.ts',
  'core/builtin-rest.ts',
  'core/call-path.ts',
  'core/calls.ts',
  'core/observer.ts',
  'core/overload.ts',
  'core/rates.ts',
  'core/repeats.ts',
  'core/result-cache.ts',
  'core/server-bulkheads.ts',
  'core/service.ts',
  'core/tool-pins.ts',
  'core/turn.ts',
  'dialects/chat-joiner.ts',
  'dialects/messages-joiner.ts',
  'dialects/responses-joiner.ts',
  'http/secret.ts',
  'mcp/call-failure.ts',
  'mcp/call.ts',
  'mcp/server-session.ts',
  'mcp/tool-definition.ts',
  'metrics/flusher.ts',
  'schema/argument-checker.ts',
  'state/redis.ts',
  'tracing/tracing.ts',
  'upstream/identity.ts',
  'upstream/litellm.ts',
];
