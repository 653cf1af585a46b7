import { Sessions } from './sessions';

const token = 'the-token-of-the-console';
let now = 0;
const open = (): Sessions => new Sessions({ token, now: () => now });
const sessionOf = (sessions: Sessions, address = 'a'): string => {
  const login = sessions.login(token, address);
  if (typeof login === 'string') throw new Error(login);
  return login.session;
};

beforeEach(() => (now = 1_000_000));

describe('sessions of the console', () => {
  it('are given for the token alone, each another one', () => {
    const sessions = open();
    expect(sessions.login('another-token', 'a')).toBe('wrong');
    expect(sessions.login('', 'a')).toBe('wrong');
    const [one, two] = [sessionOf(sessions), sessionOf(sessions)];
    expect(one).not.toBe(two);
    expect([one, two, 'made-up', '', undefined].map((each) => sessions.isOpen(each))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('end with a logout and after twelve hours', () => {
    const sessions = open();
    const [one, two] = [sessionOf(sessions), sessionOf(sessions)];
    sessions.logout(one);
    expect([sessions.isOpen(one), sessions.isOpen(two)]).toEqual([false, true]);
    now += 12 * 3_600_000;
    expect(sessions.isOpen(two)).toBe(false);
  });

  it('are not given for a minute after five wrong tokens of one address, even for the right one', () => {
    const sessions = open();
    for (let each = 0; each < 5; each += 1) expect(sessions.login('wrong', 'a')).toBe('wrong');
    expect(sessions.login(token, 'a')).toBe('later');
    expect(sessions.login(token, 'b')).toHaveProperty('session');
    now += 60_001;
    expect(sessions.login(token, 'a')).toHaveProperty('session');
  });

  it('are not given to anybody after thirty wrong tokens of many addresses within a minute', () => {
    const sessions = open();
    for (let each = 0; each < 30; each += 1) expect(sessions.login('wrong', `address ${each}`)).toBe('wrong');
    expect(sessions.login('wrong', 'one more')).toBe('later');
  });

  it('of the oldest end where there are more than a hundred', () => {
    const sessions = open();
    const all = Array.from({ length: 101 }, () => sessionOf(sessions));
    expect(all.map((each) => sessions.isOpen(each))).toEqual([
      false,
      ...Array.from({ length: 100 }, () => true),
    ]);
  });
});
