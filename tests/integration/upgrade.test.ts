/** `./scripts/upgrade`: the door is tried with the other LiteLLM first; only then is it used, and there is a way back. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedVersion } from '../../scripts/src/litellm';
import { venvDir } from '../../scripts/src/paths';
import { fakeDocker } from '../support/fake-docker';
import { script } from '../support/operate';
import { parseEnv } from '../../scripts/src/operate/env-file';

jest.setTimeout(400_000);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-upgrade-'));
const chosen = join(dir, 'litellm');
const version = installedVersion(venvDir());
const run = (...args: string[]) =>
  script('upgrade', args, { env: { TOOLTURN_STATE_DIR: dir, TOOLTURN_LITELLM_VENV: '' } });

beforeAll(() => {
  // Two environments, as far as paths go.
  symlinkSync(venvDir(), join(dir, 'venv'));
  symlinkSync(venvDir(), join(dir, 'other'));
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('changes to another environment after the door ran a tool with it, streaming and not, and goes back', async () => {
  const done = await run('--venv', join(dir, 'other'), '--litellm', version);
  expect(done).toMatchObject({ code: 0, errors: '' });
  for (const line of [
    `LiteLLM ${version} starts and loads the door`,
    'a streaming turn runs a tool',
    'a turn that does not stream runs a tool',
  ])
    expect(done.output).toContain(line);
  expect(readlinkSync(chosen)).toBe(join(dir, 'other'));

  expect(await run('--rollback')).toMatchObject({ code: 0, output: expect.stringContaining('in use again') });
  expect(readlinkSync(chosen)).toBe(join(dir, 'venv'));
  expect(await run('--rollback')).toMatchObject({ code: 0 });
  expect(readlinkSync(chosen)).toBe(join(dir, 'other'));
});

it('changes nothing where LiteLLM does not start, or is another version than was asked for', async () => {
  const broken = join(dir, 'broken');
  mkdirSync(join(broken, 'bin'), { recursive: true });
  mkdirSync(join(broken, 'lib/python3.11/site-packages/litellm-9.9.9.dist-info'), { recursive: true });
  writeFileSync(join(broken, 'bin/litellm'), '#!/bin/sh\necho "ImportError: no proxy" >&2\nexit 3\n');
  chmodSync(join(broken, 'bin/litellm'), 0o755);
  const before = readlinkSync(chosen);
  const failed = await run('--venv', broken);
  expect(failed).toMatchObject({
    code: 1,
    errors: expect.stringMatching(
      /The door does not work with LiteLLM 9\.9\.9: .*exit code 3[^]*Nothing was changed\./,
    ),
  });
  expect(await run('--venv', broken, '--litellm', '1.2.3')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('holds LiteLLM 9.9.9, not 1.2.3'),
  });
  expect(await run('--litellm', 'latest')).toMatchObject({
    code: 1,
    errors: expect.stringContaining('must be a version'),
  });
  expect(await run('--venv', dir)).toMatchObject({
    code: 1,
    errors: expect.stringContaining('There is no LiteLLM in'),
  });
  expect(readlinkSync(chosen)).toBe(before);
});

it('notes the image of containers beside the compose file, and goes back to it', async () => {
  const compose = join(dir, 'compose');
  mkdirSync(compose);
  const file = join(compose, 'docker-compose.yml');
  writeFileSync(file, 'services: {}\n');
  writeFileSync(join(compose, 'config.yaml'), '{}\n');
  // What answers in the place of LiteLLM's container is not of interest here.
  const litellm = createServer((_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"litellm_version":"1"}'),
  );
  await new Promise<void>((resolve) => litellm.listen(0, '127.0.0.1', resolve));
  const address = litellm.address();
  const docker = fakeDocker(dir, { services: { litellm: 'running' } });
  const env = {
    TOOLTURN_STATE_DIR: dir,
    TOOLTURN_LITELLM_VENV: '',
    PATH: docker.path,
    LITELLM_URL: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
  };
  const image = () =>
    existsSync(join(compose, '.env'))
      ? parseEnv(readFileSync(join(compose, '.env'), 'utf8')).get('LITELLM_IMAGE')
      : undefined;
  try {
    const done = await script('upgrade', ['--venv', join(dir, 'venv'), '--compose', file], { env });
    expect(done).toMatchObject({ code: 0, errors: '' });
    expect(image()).toBe(`ghcr.io/berriai/litellm:v${version}-stable`);
    expect(docker.calls().at(-1)).toEqual(expect.arrayContaining(['up', '--force-recreate', 'litellm']));
    expect((await script('upgrade', ['--rollback', '--compose', file], { env })).code).toBe(0);
    expect(image()).toBeUndefined();
    docker.set({ broken: ['litellm'] });
    const failed = await script('upgrade', ['--venv', join(dir, 'venv'), '--compose', file], { env });
    expect(failed.code).toBe(1);
    expect(image()).toBeUndefined();
  } finally {
    await new Promise((resolve) => litellm.close(resolve));
  }
});
