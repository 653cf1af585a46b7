import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unifiedDiff } from './install-diff';
import { planInstall } from './install-plan';
import { planRemove } from './install-remove';
import { nextSteps } from './install-steps';
import { guardrailFile } from './paths';

const plain = '# mine\nmodel_list: []\n';

const base = mkdtempSync(join(tmpdir(), 'toolturn-install-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

function folder(files: Record<string, string> = { 'config.yaml': plain }): { dir: string; config: string } {
  const dir = mkdtempSync(join(base, 'dir-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return { dir, config: join(dir, 'config.yaml') };
}

/** Every file of a folder with its text. */
function contents(dir: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => [name, statSync(join(dir, name)).isFile() ? readFileSync(join(dir, name), 'utf8') : '']),
  );
}

const door = (): string => readFileSync(guardrailFile, 'utf8');
const older = (): string => door().replace('It decides nothing.', 'It decided nothing.');

test('an installation copies the door, keeps a backup, and its removal leaves nothing over', () => {
  const { dir, config } = folder();
  const plan = planInstall(config);
  expect(contents(dir)).toEqual({ 'config.yaml': plain });
  expect(plan.lines.join('\n')).toContain('+guardrails:\n+  - guardrail_name: toolturn\n');
  plan.run?.();
  const made = contents(dir);
  expect(Object.keys(made)).toEqual([
    '.toolturn-install.json',
    'config.yaml',
    'config.yaml.toolturn-backup',
    'toolturn_guardrail.py',
  ]);
  expect(made['config.yaml.toolturn-backup']).toBe(plain);
  expect(made['toolturn_guardrail.py']).toBe(door());
  expect(planInstall(config).run).toBeUndefined();
  planRemove(config).run?.();
  expect(contents(dir)).toEqual({ 'config.yaml': plain });
  expect(planRemove(config).run).toBeUndefined();
  expect(planRemove(config).lines.join()).toContain('Nothing to remove');
});

test('a config that was edited since keeps the edits', () => {
  const { dir, config } = folder();
  planInstall(config).run?.();
  const edited = readFileSync(config, 'utf8').replace('# mine', '# ours') + 'router_settings: {}\n';
  writeFileSync(config, edited);
  planRemove(config).run?.();
  expect(contents(dir)).toEqual({ 'config.yaml': '# ours\nmodel_list: []\nrouter_settings: {}\n' });
});

test('an entry that was taken out by hand can be removed and installed again', () => {
  const { dir, config } = folder();
  planInstall(config).run?.();
  writeFileSync(config, 'model_list: [] # new\n');
  planInstall(config).run?.();
  expect(contents(dir)['config.yaml.toolturn-backup']).toBe('model_list: [] # new\n');
  writeFileSync(config, 'model_list: [] # newer\n');
  planRemove(config).run?.();
  expect(contents(dir)).toEqual({ 'config.yaml': 'model_list: [] # newer\n' });
});

test('the byte code of the door goes with it, and other byte code stays', () => {
  const { dir, config } = folder();
  planInstall(config).run?.();
  mkdirSync(join(dir, '__pycache__'));
  writeFileSync(join(dir, '__pycache__', 'toolturn_guardrail.cpython-311.pyc'), 'x');
  planRemove(config).run?.();
  expect(contents(dir)).toEqual({ 'config.yaml': plain });
  mkdirSync(join(dir, '__pycache__'));
  writeFileSync(join(dir, '__pycache__', 'auth.cpython-311.pyc'), 'x');
  const before = contents(dir);
  planInstall(config).run?.();
  writeFileSync(join(dir, '__pycache__', 'toolturn_guardrail.cpython-311.pyc'), 'x');
  planRemove(config).run?.();
  expect(contents(dir)).toEqual(before);
});

describe('a door that is there already', () => {
  test('is left alone when it is a foreign file, and nothing else is done', () => {
    const files = { 'config.yaml': plain, 'toolturn_guardrail.py': 'print(1)\n' };
    const { dir, config } = folder(files);
    expect(() => planInstall(config)).toThrow(/toolturn_guardrail\.py is there already and is none of ours/);
    expect(contents(dir)).toEqual(files);
  });

  test('is updated when it is an older one of ours, and comes back', () => {
    const files = { 'config.yaml': plain, 'toolturn_guardrail.py': older() };
    const { dir, config } = folder(files);
    planInstall(config).run?.();
    expect(contents(dir)['toolturn_guardrail.py']).toBe(door());
    planRemove(config).run?.();
    expect(contents(dir)).toEqual(files);
  });

  test('stays after the removal when it was the same before', () => {
    const files = { 'config.yaml': plain, 'toolturn_guardrail.py': door() };
    const { dir, config } = folder(files);
    planInstall(config).run?.();
    planRemove(config).run?.();
    expect(contents(dir)).toEqual(files);
  });

  test('is updated by a later install, and goes with the removal', () => {
    const { dir, config } = folder();
    const source = join(folder({ 'old.py': older() }).dir, 'old.py');
    planInstall(config, source).run?.();
    expect(contents(dir)['toolturn_guardrail.py']).toBe(older());
    planInstall(config).run?.();
    expect(contents(dir)['toolturn_guardrail.py']).toBe(door());
    planRemove(config).run?.();
    expect(contents(dir)).toEqual({ 'config.yaml': plain });
  });

  test('comes back to what it was, although a later install brought a newer one', () => {
    const files = { 'config.yaml': plain, 'toolturn_guardrail.py': older() };
    const { dir, config } = folder(files);
    planInstall(config, join(dir, 'toolturn_guardrail.py')).run?.();
    planInstall(config).run?.();
    expect(contents(dir)['toolturn_guardrail.py']).toBe(door());
    planRemove(config).run?.();
    expect(contents(dir)).toEqual(files);
  });

  test('stays when somebody changed it since', () => {
    const { dir, config } = folder();
    planInstall(config).run?.();
    writeFileSync(join(dir, 'toolturn_guardrail.py'), `${door()}# mine\n`);
    expect(planRemove(config).lines.join('\n')).toContain('it was changed since it was installed');
    planRemove(config).run?.();
    expect(Object.keys(contents(dir))).toEqual(['config.yaml', 'toolturn_guardrail.py']);
  });
});

test('an entry that was written by hand is left alone, in both directions', () => {
  const text =
    'guardrails:\n  - {guardrail_name: t, litellm_params: {guardrail: toolturn_guardrail.Toolturn}}\n';
  const { config } = folder({ 'config.yaml': text });
  const plan = planInstall(config);
  expect(plan.run).toBeUndefined();
  expect(plan.lines.join('\n')).toMatch(
    /has the guardrail entry already[^]*there is no .*toolturn_guardrail\.py: copy/,
  );
  expect(planRemove(config).run).toBeUndefined();
});

test('an included file that holds the section gets the entry', () => {
  const files = {
    'config.yaml': 'include: [models.yaml, guards.yaml]\n',
    'models.yaml': 'model_list: []\n',
    'guards.yaml': 'guardrails:\n- {guardrail_name: pii, litellm_params: {guardrail: presidio}}\n',
  };
  const { dir, config } = folder(files);
  planInstall(config).run?.();
  const made = contents(dir);
  expect(made['config.yaml']).toBe(files['config.yaml']);
  expect(made['guards.yaml']).toContain('toolturn_guardrail.Toolturn');
  expect(made['guards.yaml.toolturn-backup']).toBe(files['guards.yaml']);
  expect(planInstall(config).run).toBeUndefined();
  planRemove(config).run?.();
  expect(contents(dir)).toEqual(files);
});

test('mode, owner and links stay, and the backup is as closed as the config', () => {
  const { dir, config } = folder({ 'real.yaml': plain });
  const real = join(dir, 'real.yaml');
  chmodSync(real, 0o640);
  const root = process.getuid?.() === 0;
  if (root) chownSync(real, 12345, 23456);
  symlinkSync('real.yaml', config);
  const before = statSync(real);
  planInstall(config).run?.();
  expect(lstatSync(config).isSymbolicLink()).toBe(true);
  expect(readFileSync(real, 'utf8')).toContain('toolturn_guardrail.Toolturn');
  for (const name of ['real.yaml', 'config.yaml.toolturn-backup']) {
    const { mode, uid, gid } = statSync(join(dir, name));
    expect({ mode, uid, gid }).toEqual({ mode: before.mode, uid: before.uid, gid: before.gid });
  }
  planRemove(config).run?.();
  expect(lstatSync(config).isSymbolicLink()).toBe(true);
  expect(statSync(real).mode).toBe(before.mode);
  expect(statSync(real).uid).toBe(before.uid);
  expect(readFileSync(real, 'utf8')).toBe(plain);
});

test('a second config of the folder is refused while the first has the entry', () => {
  const { dir, config } = folder({ 'config.yaml': plain, 'other.yaml': plain });
  planInstall(config).run?.();
  for (const plan of [planInstall, planRemove]) {
    expect(() => plan(join(dir, 'other.yaml'))).toThrow(
      /is installed for config\.yaml: take that one out first/,
    );
  }
});

test('a config that changes between question and answer is left alone', () => {
  const { dir, config } = folder();
  const plan = planInstall(config);
  writeFileSync(config, 'model_list: [] # other\n');
  expect(() => plan.run?.()).toThrow(/was changed meanwhile/);
  expect(contents(dir)).toEqual({ 'config.yaml': 'model_list: [] # other\n' });
});

test.each([
  ['no config', {}, /There is no .*config\.yaml: give the folder/],
  ['a lost include', { 'config.yaml': 'include: [x.yaml]\n' }, /includes x\.yaml, but there is no/],
  ['a strange backup', { 'config.yaml': plain, 'config.yaml.toolturn-backup': 'a: 1\n' }, /move it away/],
  ['a broken manifest', { 'config.yaml': plain, '.toolturn-install.json': '{}' }, /is not readable/],
])('a folder with %s is refused with what to do', (_, files, message) => {
  const { dir, config } = folder(files);
  expect(() => planInstall(config)).toThrow(message);
  expect(contents(dir)).toEqual(files);
});

test('the next steps name the address, the secret and the variables of the servers', () => {
  const { config } = folder({
    'config.yaml': `model_list: [{x: os.environ/NOT_THIS}]\nmcp_servers:\n  a:\n    url: os.environ/A_URL\n    # os.environ/OFF\n`,
  });
  const text = nextSteps(config, 'http://10.0.0.7:48901', 'ab12').join('\n');
  expect(text).toContain('export TOOLTURN_URL=http://10.0.0.7:48901\n   export TOOLTURN_SECRET=ab12\n');
  expect(text).toContain(`TOOLTURN_HOST=0.0.0.0 TOOLTURN_PORT=48901 TOOLTURN_SECRET=ab12 LITELLM_URL=`);
  expect(text).toContain('what mcp_servers names as well: A_URL.');
});

test('the diff is one that git understands', () => {
  const { dir, config } = folder({ 'config.yaml': 'a: 1\nb: 2\nc: 3\nd: 4\ne: 5' });
  const text = readFileSync(config, 'utf8');
  for (const after of [text.replace('c: 3\n', 'c: 3\nx: 0\n'), `${text}\nx: 0`, `y: 0\n${text}`]) {
    writeFileSync(config, text);
    writeFileSync(join(dir, 'p.diff'), `${unifiedDiff(text, after, 'config.yaml')}\n`);
    execFileSync('git', ['apply', '-p0', 'p.diff'], { cwd: dir });
    expect(readFileSync(config, 'utf8')).toBe(after);
  }
  expect(unifiedDiff('a\n', 'a\n', 'f')).toBe('');
});
