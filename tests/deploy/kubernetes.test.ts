/** The real kustomize builds the manifests, and the types of the Kubernetes API read them, unknown fields refused. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root } from '../support/compose';
import { manifestFiles } from '../support/kubernetes';
import { cloneWithEnvFiles, runTool } from './tools';

jest.setTimeout(120_000);
const folder = 'deploy/kubernetes';
let clone: string;

beforeAll(() => {
  clone = cloneWithEnvFiles(() => false);
});

afterAll(() => {
  rmSync(clone, { recursive: true, force: true });
});

async function build(): Promise<string> {
  const { code, stdout, stderr } = await runTool('kustomize', ['build', folder], { cwd: clone });
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
}
const documents = (text: string): Built[] =>
  parseAllDocuments(text).map((document) => document.toJS() as Built);
const configMaps = (text: string) =>
  Object.fromEntries(
    documents(text)
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata, data }) => [metadata.name, data ?? {}]),
  );

it('builds, and every document is one that the API knows', async () => {
  const built = await build();
  const checked = await runTool('kubernetes-check', [], { cwd: clone, input: built });
  expect([checked.code, checked.stderr]).toEqual([0, '']);
  expect(checked.stdout.trim().split('\n')).toHaveLength(documents(built).length);
  for (const { kind, metadata } of documents(built))
    if (kind !== 'Namespace')
      expect([metadata.name, metadata.namespace]).toEqual([metadata.name, 'toolturn']);
});

it.each(manifestFiles(`${folder}/examples`).concat(`${folder}/secrets.example.yaml`))(
  '%s is one too',
  async (file) => {
    const input = readFileSync(join(root, file), 'utf8');
    const { code, stderr } = await runTool('kubernetes-check', [], { cwd: clone, input });
    expect([code, stderr]).toEqual([0, '']);
  },
);

it('refuses a field that the API does not know', async () => {
  const input = readFileSync(join(root, folder, 'hook-service.yaml'), 'utf8').replace(
    'periodSeconds',
    'periodSecond',
  );
  const { code, stderr } = await runTool('kubernetes-check', [], { cwd: clone, input });
  expect([code, stderr]).toEqual([1, expect.stringContaining('unknown field')]);
});

it('holds config, door and start script as they are, and a changed one gets another name', async () => {
  const before = configMaps(await build());
  const texts = Object.values(before).flatMap((data) => Object.values(data));
  for (const file of [`${folder}/config.yaml`, 'litellm/toolturn_guardrail.py', 'compose/redis/start.sh'])
    expect(texts).toContain(readFileSync(join(root, file), 'utf8'));

  const door = join(clone, 'litellm', 'toolturn_guardrail.py');
  const text = readFileSync(door, 'utf8');
  writeFileSync(door, `${text}\n# changed\n`);
  const built = await build();
  writeFileSync(door, text);
  const name = (from: Record<string, object>): string =>
    Object.keys(from).find((each) => each.startsWith('toolturn-door-')) ?? '';
  expect(name(configMaps(built))).not.toBe(name(before));
  // LiteLLM names it, so it is started anew.
  expect(built).toMatch(new RegExp(`projected:[^]*name: ${name(configMaps(built))}`));
  expect(built).not.toContain(name(before));
});
