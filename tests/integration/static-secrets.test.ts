/** No secret stands in the repository: a scan of every tracked file. */
import { execFileSync } from 'node:child_process';
import { readFileSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { findSecrets } from '../support/secrets';

const root = join(__dirname, '..', '..');
const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => path !== '' && lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true);

/** Put together here, so that the scan does not find its own examples. */
const made = (...parts: string[]): string => parts.join('');
const noise = 'q7Rw2Zt9Lk4Vb8Xn3Md6Hs1Pf5Yc0Jg';

describe('the scanner', () => {
  it.each([
    ['a key of OpenAI', made('sk-', 'proj-', noise)],
    ['a key of Anthropic', made('sk-', 'ant-api03-', noise)],
    ['a key of Google', made('AIza', noise, 'abcd')],
    ['a token of GitHub', made('ghp_', noise, 'abcde')],
    ['a fine-grained token of GitHub', made('github_', 'pat_11', noise)],
    ['a key of AWS', made('AKIA', 'Q7RW2ZT9LK4VB8XN')],
    ['a token of Slack', made('xoxb-', '1234567890-', noise)],
    ['a private key', made('-----BEGIN ', 'RSA PRIVATE KEY-----')],
    ['a token that is signed', made('eyJhbGciOiJIUzI1NiJ9', '.eyJzdWIiOiIxMjM0NTY3ODkwIn0', '.', noise)],
    ['a password in an address', made('postgres://', 'admin:', noise, '@db.example.net/x')],
    ['a filled variable', made('POSTGRES_', 'PASSWORD=', noise)],
    ['a filled key in YAML', made('  master_', 'key: "', noise, '"')],
  ])('finds %s', (_, text) => {
    expect(findSecrets(`before\n${text}\nafter`).map(({ line }) => line)).toEqual([2]);
  });

  it.each([
    'POSTGRES_PASSWORD=',
    'api_key: os.environ/OPENAI_API_KEY',
    'postgres://reader:<password>@postgres:5432/planka',
    'postgres://user:password@host:5432/database',
    'redis://litellm-redis:6379',
    'auth_value: os.environ/MCP_MONITOR_TOKEN',
    'LITELLM_MASTER_KEY: ${LITELLM_MASTER_KEY}',
    'master_key: sk-1234',
  ])('leaves %s alone', (text) => {
    expect(findSecrets(text)).toEqual([]);
  });

  it('does not repeat what it found', () => {
    const [found] = findSecrets(made('ghp_', noise, 'abcde'));
    expect(found).toBeDefined();
    expect(JSON.stringify(found)).not.toContain(noise);
  });
});

describe('the repository', () => {
  it('has files to scan', () => {
    expect(tracked).toEqual(expect.arrayContaining(['README.md', 'compose/docker-compose.yml']));
  });

  it('holds no secret', () => {
    const found = tracked.flatMap((path) =>
      findSecrets(readFileSync(join(root, path), 'utf8')).map(({ line, what }) => `${path}:${line}: ${what}`),
    );
    expect(found).toEqual([]);
  });

  it("holds no env file but those of the doctor's mistakes, only examples without values of secrets", () => {
    const fixtures = 'tests/fixtures/doctor/';
    const envFiles = tracked.filter(
      (path) => /(^|\/)[^/]*\.env(\.|$)/.test(path) && !path.endsWith('.example'),
    );
    expect(envFiles.filter((path) => !path.startsWith(fixtures))).toEqual([]);
    for (const path of tracked.filter((each) => each.endsWith('.env.example')))
      expect([
        path,
        /^#?[A-Z0-9_]*(PASSWORD|SECRET|TOKEN|KEY)[A-Z0-9_]*=\S.*$/m.exec(
          readFileSync(join(root, path), 'utf8'),
        )?.[0],
      ]).toEqual([path, undefined]);
  });
});
