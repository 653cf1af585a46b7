import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { signMark, verifyMark } from '../../hook-service/src/core/mark';
import { venvDir } from '../../scripts/src/paths';

/** Door and hook-service are in two languages and must agree on every mark. */
const script = join(__dirname, '..', 'support', 'python', 'door_mark.py');
const today = 'the secret of today';
const before = 'the secret, before: “é”';
const key = 'a'.repeat(64);
const soon = Math.ceil(Date.now() / 1000) + 600;
const good = signMark(today, 'turn1234', key, soon);

const cases = [
  { what: 'one of hook-service', token: good, accepted: true },
  {
    what: 'one signed with the secret before, while both are known',
    token: signMark(before, 'turn1234', key, soon),
    accepted: true,
  },
  { what: 'one without a key', token: signMark(today, 'turn1234', '', soon), key: '', accepted: true },
  {
    what: 'one with a key that is no hash',
    token: signMark(today, 'turn1234', 'ключ é', soon),
    key: 'ключ é',
    accepted: true,
  },
  { what: 'one for another key', token: good, key: 'b'.repeat(64), accepted: false },
  { what: 'one that has expired', token: signMark(today, 'turn1234', key, soon - 1200), accepted: false },
  {
    what: 'one signed with a secret that is not known',
    token: signMark('a guess', 'turn1234', key, soon),
    accepted: false,
  },
  { what: 'one whose end was put off', token: good.replace(`${soon}`, `${soon + 1}`), accepted: false },
  { what: 'one moved to another turn', token: good.replace('turn1234', 'turn1235'), accepted: false },
  { what: 'one that is cut off', token: good.slice(0, -2), accepted: false },
  { what: 'one with something behind it', token: `${good}.`, accepted: false },
  { what: 'an endless number', token: `turn1234.${'9'.repeat(5000)}.00`, accepted: false },
  { what: 'no mark at all', token: '', accepted: false },
].map((each) => ({ secrets: [today, before], key, ...each }));

let door: boolean[];

beforeAll(() => {
  const python = join(venvDir(), 'bin', 'python');
  const printed = execFileSync(python, [script], {
    input: JSON.stringify(cases),
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
    timeout: 60_000,
  });
  door = JSON.parse(printed.toString());
}, 60_000);

describe('a continuation mark', () => {
  it.each(cases.map((each, index) => [each.what, index] as const))(
    'means the same to the door and to hook-service: %s',
    (_what, index) => {
      const { secrets, token, key: caller, accepted } = cases[index]!;
      expect(door[index]).toBe(accepted);
      expect(verifyMark(secrets, token, caller) !== undefined).toBe(accepted);
    },
  );
});
