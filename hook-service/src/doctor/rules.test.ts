/** Each mistake in a file of its own: it is found, at its place, and nothing else is. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { examine, loadingId, type Diagnosis } from './examine';
import { plannedFixes } from './fix';
import { readContext, type DoctorFiles } from './read-context';
import { reportOf, renderReport } from './report';
import { ruleTable } from './rule-table';
import { rules } from './rules';

const root = join(__dirname, '..', '..', '..');
const fixtures = join(root, 'tests', 'fixtures', 'doctor');

/** Folder of the fixture, then every finding: id, level and place. */
const table: [string, string[]][] = [
  ['K1', ['K1 security config.yaml:2:15']],
  ['K2-missing', ['K2 security config.yaml:1:1']],
  ['K2-section', ['K2 security config.yaml:3:3']],
  ['K2-unset', ['K2 security config.yaml:2:15']],
  ['K3', ['K3 error config.yaml:13:17']],
  ['K4', ['K4 error config.yaml:3:1']],
  ['K5', ['K5 security config.yaml:7:5', 'K12 error config.yaml:3:1']],
  ['K6', ['K12 error config.yaml:3:1', 'K6 warning config.yaml:7:5']],
  ['K7', ['K7 error config.yaml:11:3']],
  ['K12', ['K12 error config.yaml:3:1']],
  ['K12-mode', ['K12 error config.yaml:7:7', 'K12 warning config.yaml:6:7']],
  ['K13', ['K13 error config.yaml:6:14']],
  ['K14', ['K14 error request.json:3:12']],
  ['K15', ['K15 error check.sh:2:24']],
  ['K16', ['K16 error check.sh:2:24']],
  ['K17', ['K17 error usage.sql:2:8', 'K17 error usage.sql:2:40']],
  ['K18', ['K18 error request.json:3:53']],
  ['K19', ['K19 error litellm.env:2:20']],
  ['K20', ['K20 error config.yaml:3:3']],
  ['K21', ['K21 warning config.yaml:4:3']],
  ['K22', ['K22 warning config.yaml:3:3']],
  ['K23', ['K23 error config.yaml:13:1']],
  ['K24', ['K24 security compose.yml:10:7']],
  ['K25', ['K25 error compose.yml:11:7', 'K25 error compose.yml:12:7']],
  ['K26', ['K26 error compose.yml:11:7']],
  ['K27', ['K27 warning compose.yml:10:5']],
  ['K28', ['K28 error config.yaml:11:10']],
  ['K29', ['K29 error config.yaml:15:7']],
  ['K30', ['K30 error config.yaml:15:20']],
  ['K31', ['K31 error config.yaml:13:22']],
  ['K32', ['K32 error config.yaml:15:13']],
  ['K33', ['K33 error config.yaml:10:3', 'K33 error config.yaml:14:9']],
  ['K34', ['K34 warning client.json:2:16']],
  ['K35', ['K35 error config.yaml:13:17']],
  ['K36', ['K36 warning compose.yml:2:3']],
  ['K37', ['K37 error config.yaml:13:12']],
  ['K38', ['K38 error compose.yml:11:7']],
  ['K39', ['K39 error config.yaml:3:1']],
  ['K40', ['K40 error config.yaml:12:1']],
  ['K41', ['K41 error compose.yml:18:7', 'K41 error config.yaml:11:10']],
  [
    'K41-env',
    [
      'K41 error mcp-monitoring.env:1:1',
      'K42 error mcp-monitoring.env:2:1',
      'K60 error mcp-postgres-query.env:1:1',
    ],
  ],
  ['K42', ['K42 error compose.yml:2:3']],
  ['K43', ['K43 error config.yaml:12:14']],
  ['K44', ['K44 security compose.yml:10:9', 'K44 security config.yaml:12:14']],
  ['K45', ['K45 error config.yaml:13:12']],
  ['K47', ['K47 warning config.yaml:11:5']],
  ['K50', ['K50 warning Dockerfile:2:5', 'K50 warning Dockerfile:3:5', 'K50 warning Dockerfile:4:1']],
  ['K54', ['K54 error check.sh:2:9']],
  ['K55', ['K55 error compose.yml:10:7']],
  ['K57', ['K57 warning compose.yml:3:12', 'K57 warning config.yaml:13:18']],
  ['K58', ['K58 error compose.yml:11:3']],
  ['K59', ['K59 error join.sh:2:1']],
  ['K60', ['K60 error compose.yml:10:7']],
  ['K61', ['K61 warning up.sh:3:1']],
  ['K62', ['K62 error compose.yml:11:22']],
  ['K63', ['K63 security compose.yml:9:15']],
  ['K64', ['K64 error litellm.env:1:14']],
  ['K65', ['K65 security config.yaml:2:15']],
  ['K65-shared', ['K65 warning litellm.env:2:1']],
  ['K67', ['K67 warning compose.yml:10:56']],
  ['K68', ['K68 warning compose.yml:2:1']],
  ['K69', ['K69 warning up.sh:2:1']],
  ['K70', ['K70 warning compose.yml:2:3', 'K70 warning compose.yml:2:3', 'K70 warning compose.yml:2:3']],
  ['K71', ['K71 warning compose.yml:11:3']],
  ['K72', ['K72 error config.yaml:11:10']],
  ['K73', ['K73 warning compose.yml:10:13']],
  ['K76', ['K76 error compose.yml:7:5']],
  ['K77', ['K77 error hook.env:1:1']],
  ['K82', ['K82 security mcp.env:1:14']],
  ['K85', ['K85 note key.json:3:42']],
  ['K86', ['K86 warning compose.yml:3:12']],
  ['K88', ['K88 error settings.json:3:27']],
  ['K89', ['K89 security settings.json:2:37']],
  ['K91', ['K91 warning config.yaml:11:33']],
  ['K93', ['K93 warning config.yaml:6:14']],
  ['K94', ['K94 warning config.yaml:5:20', 'K94 note config.yaml:4:14']],
  ['K95', ['K95 warning key.json:2:42']],
];

/** Files as they are on disk, or as a fix leaves them. */
function diskWith(changed: ReadonlyMap<string, string> = new Map()): DoctorFiles {
  return {
    read: (file) => changed.get(file) ?? readFileSync(file, 'utf8'),
    exists: (file) => existsSync(file),
    mode: () => 0o600,
  };
}

function inputOf(folder: string) {
  const files = readdirSync(join(fixtures, folder)).map((name) => join(fixtures, folder, name));
  const those = (pattern: RegExp) => files.filter((file) => pattern.test(file));
  const [config] = those(/config\.yaml$/);
  return {
    ...(config === undefined ? {} : { config }),
    envFiles: those(/\.env$/),
    compose: those(/\.yml$/),
    others: files.filter((file) => !/\.(?:env|yml|yaml)$/.test(file)),
    env: {},
  };
}

function look(folder: string, changed?: ReadonlyMap<string, string>) {
  const { context } = readContext(inputOf(folder), diskWith(changed));
  return { context, found: examine(context) };
}

const placeOf = (folder: string, { id, level, at }: Diagnosis): string =>
  `${id} ${level} ${at.file.slice(join(fixtures, folder).length + 1)}:${at.line}:${at.column}`;

describe('a mistake', () => {
  it.each(table)('%s is found at its place, and nothing else is', (folder, places) => {
    expect(look(folder).found.map((each) => placeOf(folder, each))).toEqual(places);
  });

  it('has a fixture, whichever rule finds it', () => {
    const found = new Set(table.flatMap(([, places]) => places.map((place) => place.split(' ')[0])));
    // Rows that are the same mistake as another one, and are found under its id.
    const same = ['K84', 'K90', 'E10'];
    expect(rules.flatMap(({ ids }) => ids).filter((id) => !found.has(id) && !same.includes(id))).toEqual([]);
    expect(readdirSync(fixtures).sort()).toEqual(table.map(([folder]) => folder).sort());
  });
});

describe('a fix', () => {
  const fixable = table
    .map(([folder]) => folder)
    .filter((folder) => look(folder).found.some(({ fix }) => fix));

  it.each(fixable)('of %s takes the finding away, keeps comments and order, and is done once', (folder) => {
    let { context, found } = look(folder);
    const mended = found.filter(({ fix }) => fix).map(({ id, message }) => `${id} ${message}`);
    const before = new Map(context.files.map(({ file, text }) => [file, text]));
    const changed = new Map<string, string>();
    for (let round = 0; round < 5; round += 1) {
      const planned = plannedFixes(context, found);
      if (planned.length === 0) break;
      for (const { file, after } of planned) changed.set(file, after);
      ({ context, found } = look(folder, changed));
    }
    expect(changed.size).toBeGreaterThan(0);
    expect(
      found.map(({ id, message }) => `${id} ${message}`).filter((each) => mended.includes(each)),
    ).toEqual([]);
    expect(found.filter(({ fix }) => fix)).toEqual([]);
    expect(plannedFixes(context, found)).toEqual([]);
    for (const [file, after] of changed) {
      const lines = (before.get(file) ?? '').split('\n').filter((line) => after.split('\n').includes(line));
      const kept = after.split('\n').filter((line) => lines.includes(line));
      expect(kept.slice(0, lines.length)).toEqual(expect.arrayContaining(lines));
      const comments = (text: string): readonly string[] => text.match(/(?<=\s)# \w.*$/gm) ?? [];
      const gone = comments(before.get(file) ?? '').filter((comment) => !comments(after).includes(comment));
      // A comment goes only with the line that it explains.
      expect(gone).toEqual(gone.filter((comment) => /^# (?:short|of the format)$/.test(comment)));
    }
  });

  it('leaves nothing of weight to find where everything can be mended', () => {
    const left = [
      'K1',
      'K2-missing',
      'K7',
      'K12',
      'K21',
      'K22',
      'K23',
      'K30',
      'K32',
      'K33',
      'K35',
      'K68',
    ].map((folder) => {
      const { context, found } = look(folder);
      const changed = new Map(plannedFixes(context, found).map(({ file, after }) => [file, after]));
      return look(folder, changed).found.map((each) => placeOf(folder, each));
    });
    expect(left.flat()).toEqual([]);
  });
});

describe('good files', () => {
  const serverFiles = readdirSync(join(root, 'mcp'), { withFileTypes: true })
    .filter((each) => each.isDirectory() && each.name !== 'node_modules')
    .map(({ name }) => join(root, 'mcp', name));
  const beside = (folder: string, name: string) =>
    existsSync(join(folder, name)) ? [join(folder, name)] : [];

  it.each([
    ['the sample config', { config: join(root, 'litellm', 'config.yaml') }],
    [
      'the stack in containers',
      {
        config: join(root, 'compose', 'config.yaml'),
        compose: ['docker-compose.yml', 'debug.yml'].map((name) => join(root, 'compose', name)),
        others: [join(root, 'compose', 'hook-service.Dockerfile')],
      },
    ],
    ...serverFiles.map((folder): [string, object] => [
      `the server ${folder.slice(root.length + 1)}`,
      { compose: beside(folder, 'compose.yml'), others: beside(folder, 'Dockerfile') },
    ]),
  ])('%s give no finding', (_what, input) => {
    const { context } = readContext({ env: {}, ...input }, diskWith());
    expect(examine(context).map(({ id, at, message }) => `${id} ${at.file}:${at.line} ${message}`)).toEqual(
      [],
    );
  });
});

describe('what is shown', () => {
  const secrets = [
    'exa/mple',
    'example-password',
    'sk-example-written-out',
    'sk-example-master',
    'example-word',
  ];

  it.each(table.map(([folder]) => folder))('of %s holds no secret', (folder) => {
    const { context, found } = look(folder);
    const report = reportOf(context, found, []);
    const shown = renderReport(report) + JSON.stringify(report);
    expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  });

  it('says what loading the config says where no rule does, and only once where one does', () => {
    const text = 'general_settings: {custom_auth: a.b}\ntoolturn:\n  limits:\n    round: 3\n';
    const files = { read: () => text, exists: () => false, mode: () => undefined };
    const { context } = readContext({ config: 'config.yaml', env: {} }, files);
    expect(examine(context).filter(({ id }) => id === loadingId)).toEqual([
      expect.objectContaining({ level: 'error', at: { file: 'config.yaml', line: 4, column: 5 } }),
    ]);
  });

  it('names an env file that others may read, and gives it to its owner alone', () => {
    const files = { read: () => 'LITELLM_MASTER_KEY=sk-example\n', exists: () => true, mode: () => 0o644 };
    const { context } = readContext({ envFiles: ['litellm.env'], env: {} }, files);
    const found = examine(context);
    expect(found).toEqual([expect.objectContaining({ id: 'E10', level: 'security' })]);
    expect(plannedFixes(context, found)).toEqual([
      expect.objectContaining({ file: 'litellm.env', mode: 0o600 }),
    ]);
  });
});

describe('docs/doctor.md', () => {
  const page = readFileSync(join(root, 'docs', 'doctor.md'), 'utf8');

  it('has the table of rules as they are', () => {
    expect(page).toContain(`\n${ruleTable(rules)}\n`);
  });

  it('says of each rule whether it mends', () => {
    const mends = new Set(rules.filter((rule) => rule.mends).flatMap(({ ids }) => ids));
    expect(fixableIds().filter((id) => !mends.has(id))).toEqual([]);
  });

  it('names every mistake of the list once: with its rule, or with the reason why there is none', () => {
    const named = [...page.matchAll(/^\| (K[\dK, ]+|E10) \|/gm)].flatMap((match) =>
      (match[1] ?? '').split(', '),
    );
    const all = Array.from({ length: 95 }, (_, index) => `K${index + 1}`);
    expect(all.filter((id) => !named.includes(id))).toEqual([]);
  });
});

/** Ids whose findings came with a fix in some fixture. */
function fixableIds(): string[] {
  const found = table.flatMap(([folder]) => look(folder).found);
  return [...new Set(found.flatMap(({ id, fix }) => (fix ? [id] : [])))];
}
