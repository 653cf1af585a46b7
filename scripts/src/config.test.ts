import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { addGuardrail, copyConfig } from './config-copy';
import { readOptions } from './options';
import { root, sampleConfig } from './paths';
import { readSecrets } from './secrets';

const base = mkdtempSync(join(tmpdir(), 'toolturn-config-'));
const fresh = () => mkdtempSync(join(base, 'dir-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const door = { guardrail: 'toolturn_guardrail.Toolturn', mode: ['pre_call', 'post_call'], default_on: true };

describe('the config copy', () => {
  test('gets the guardrail entry when it has none; comments, order and spelling stay', () => {
    const text = `# my models
model_list:
  - model_name: mine # the cheap one
    litellm_params: {model: openai/x, api_key: os.environ/MY_KEY}

general_settings: {master_key: sk-1234} # not in production
mcp_servers:
  db:
    url: http://127.0.0.1:1/sse
    enabled: yes
    env: {PORT: "5432", MODE: 0755}
`;
    const added = addGuardrail(text, 'config.yaml');
    for (const kept of [
      '# my models\n',
      ' # the cheap one',
      ' # not in production',
      'yes',
      '"5432"',
      '0755',
    ]) {
      expect(added).toContain(kept);
    }
    // Read as LiteLLM reads it (YAML 1.1), the two differ by the entry and by nothing else.
    const { guardrails, ...rest } = parse(added, { version: '1.1' });
    expect(guardrails).toEqual([{ guardrail_name: 'toolturn', litellm_params: door }]);
    expect(rest).toEqual(parse(text, { version: '1.1' }));
    expect(Object.keys(rest)).toEqual(Object.keys(parse(text)));
  });

  test('gets the entry beside the guardrails that are there', () => {
    const text =
      'guardrails:\n  - guardrail_name: pii # keep me\n    litellm_params: {guardrail: presidio, mode: pre_call}\n';
    const added = addGuardrail(text, 'config.yaml');
    expect(added).toContain('# keep me');
    expect(parse(added).guardrails.map((entry: { guardrail_name: string }) => entry.guardrail_name)).toEqual([
      'pii',
      'toolturn',
    ]);
  });

  test('is the very same text when the entry is there, and works with an empty section', () => {
    const sample = readFileSync(sampleConfig, 'utf8');
    expect(addGuardrail(sample, sampleConfig)).toBe(sample);
    expect(parse(addGuardrail('guardrails:\nmodel_list: []\n', 'f')).guardrails).toHaveLength(1);
  });

  test('accepts a key that stands twice, as LiteLLM does', () => {
    const text = 'litellm_settings: {a: 1}\nlitellm_settings: {b: 2}\n';
    expect(addGuardrail(text, 'f')).toContain('toolturn_guardrail.Toolturn');
  });

  test('of a broken file is one sentence with the line', () => {
    expect(() => addGuardrail('model_list:\n  - a: [1\nb: 2\n', '/x/config.yaml')).toThrow(
      /^\/x\/config\.yaml:\d+:\d+ is not valid YAML/,
    );
    expect(() => addGuardrail('just text', '/x/config.yaml')).toThrow(/must be a map/);
  });

  test('stands beside the door and links to the files of the original folder, which stays untouched', () => {
    const original = fresh();
    const config = join(original, 'mine.yaml');
    writeFileSync(config, 'model_list: []\n');
    writeFileSync(join(original, 'custom_auth.py'), 'x = 1\n');
    mkdirSync(join(original, '__pycache__'));
    const copy = copyConfig(config, join(fresh(), 'config'));
    expect(copy.guardrailAdded).toBe(true);
    expect(readFileSync(config, 'utf8')).toBe('model_list: []\n');
    expect(readFileSync(join(copy.path, '..', 'custom_auth.py'), 'utf8')).toBe('x = 1\n');
    expect(existsSync(join(copy.path, '..', '__pycache__'))).toBe(false);
    expect(lstatSync(join(copy.path, '..', 'toolturn_guardrail.py')).isFile()).toBe(true);
    expect(statSync(copy.path).mode & 0o777).toBe(0o600);
    expect(copyConfig(config, join(copy.path, '..')).path).toBe(copy.path);
  });
});

describe('the secrets file', () => {
  test('is made with mode 600 and read again the next time', () => {
    const file = join(fresh(), 'deep', 'secrets.env');
    const first = readSecrets(file, {});
    expect(first.LITELLM_MASTER_KEY).toMatch(/^sk-[0-9a-f]{48}$/);
    expect(first.TOOLTURN_SECRET).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readSecrets(file, {})).toEqual(first);
  });

  test('gets its mode back when somebody widened it, and what is missing is added', () => {
    const file = join(fresh(), 'secrets.env');
    writeFileSync(file, 'TOOLTURN_SECRET=0123456789abcdef', { mode: 0o644 });
    const secrets = readSecrets(file, {});
    expect(secrets.TOOLTURN_SECRET).toBe('0123456789abcdef');
    expect(readSecrets(file, {})).toEqual(secrets);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('does not get what the environment gives', () => {
    const file = join(fresh(), 'secrets.env');
    const secrets = readSecrets(file, { LITELLM_MASTER_KEY: 'sk-mine', TOOLTURN_SECRET: 'own' });
    expect(secrets).toEqual({ LITELLM_MASTER_KEY: 'sk-mine', TOOLTURN_SECRET: 'own' });
    expect(existsSync(file)).toBe(false);
  });
});

describe('the command line of up', () => {
  test('without arguments is the sample with its demonstration at port 4000', () => {
    expect(readOptions([])).toMatchObject({
      sample: true,
      demo: true,
      port: 4000,
      check: false,
      detach: false,
    });
    expect(readOptions(['--config', 'litellm/config.yaml'], root).sample).toBe(true);
  });

  test('with another config has no demonstration', () => {
    const config = join(fresh(), 'c.yaml');
    writeFileSync(config, '');
    expect(readOptions(['--config', config, '--detach'])).toMatchObject({
      sample: false,
      demo: false,
      config,
    });
  });

  test.each([
    [['--prot', '1'], /--prot.*--help/],
    [['--port', 'abc'], /--port must be a number/],
    [['--config', '/no/such.yaml'], /There is no config file/],
    [['--check', '--detach'], /choose one/],
    [['extra'], /extra.*--help/],
  ])('%j is refused in one sentence', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
