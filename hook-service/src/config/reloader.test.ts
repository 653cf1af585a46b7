import { memoryLog } from '../../../tests/support/mcp/servers';
import { Reloader } from './reloader';
import { SettingsInvalid, type Settings } from './settings';

const settings = (version: string, warnings: readonly string[] = []): Settings =>
  ({ version, warnings, secrets: [] }) as unknown as Settings;
const wrong = (...problems: string[]): SettingsInvalid => new SettingsInvalid(problems);

function following() {
  const log = memoryLog();
  const applied: string[] = [];
  const state = {
    now: settings('a') as Settings | SettingsInvalid,
    reads: 0,
    /** How often somebody is still writing. */
    writes: 0,
    fails: false,
  };
  const reloader: Reloader = new Reloader({
    first: settings('a', ['old warning']),
    read: () => {
      state.reads += 1;
      return state.now;
    },
    apply: async ({ version }) => {
      if (state.fails) throw new Error('a defect');
      applied.push(version);
      return { settings: ['toolturn.limits'] };
    },
    stillChanging: async () => {
      if (state.writes === 0) return false;
      state.writes -= 1;
      reloader.changed();
      return true;
    },
    log,
    now: () => new Date(Date.now()),
  });
  const told = (): string[] =>
    log.entries.filter(({ level }) => level !== 'debug').map(({ message }) => message);
  return { reloader, log, applied, state, told };
}

const passed = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);

beforeEach(() => jest.useFakeTimers({ now: Date.parse('2026-01-01T00:00:00Z') }));
afterEach(() => jest.useRealTimers());

test('files are read once they have been left alone, however often they changed before', async () => {
  const { reloader, state, applied, log } = following();
  state.now = settings('b');
  for (let count = 0; count < 5; count += 1) {
    reloader.changed();
    await passed(50);
  }
  expect(state.reads).toBe(0);
  await passed(100);
  expect(state.reads).toBe(1);
  expect(applied).toEqual(['b']);
  expect(log.entries).toEqual([
    {
      level: 'info',
      message: 'the configuration was reloaded',
      fields: { version: 'b', settings: ['toolturn.limits'] },
    },
  ]);
  expect(reloader.health()).toEqual({ state: 'ready', version: 'b', loaded: '2026-01-01T00:00:00.300Z' });
});

test('whoever is still writing is waited for, and not for ever', async () => {
  const { reloader, state } = following();
  state.writes = 3;
  reloader.changed();
  await passed(399);
  expect(state.reads).toBe(0);
  await passed(1);
  expect(state.reads).toBe(1);
  state.writes = 1_000;
  reloader.changed();
  await passed(2_100);
  expect(state.reads).toBe(2);
});

test('a file that is good at the second reading was never wrong', async () => {
  const { reloader, state, applied, told } = following();
  state.now = wrong('config.yaml:1:1 half');
  reloader.changed();
  await passed(100);
  expect(reloader.health().state).toBe('ready');
  state.now = settings('b');
  await passed(400);
  expect(applied).toEqual(['b']);
  expect(told()).toEqual(['the configuration was reloaded']);
});

test('a wrong file changes nothing, is said once for each set of problems, and so is that it is good again', async () => {
  const { reloader, state, applied, log, told } = following();
  state.now = wrong('config.yaml:3:5 is odd', 'config.yaml:9:1 too');
  reloader.changed();
  await passed(600);
  expect(applied).toEqual([]);
  const reason =
    'The configuration is not loaded, the one before holds: config.yaml:3:5 is odd (and 1 more; the log has all)';
  expect(reloader.health()).toEqual({
    state: 'degraded',
    reason,
    since: '2026-01-01T00:00:00.500Z',
    version: 'a',
    loaded: '2026-01-01T00:00:00.000Z',
  });
  expect(log.entries).toEqual([
    {
      level: 'error',
      message: 'the configuration is wrong and was not loaded; the one before holds',
      fields: { version: 'a', problems: ['config.yaml:3:5 is odd', 'config.yaml:9:1 too'] },
    },
  ]);
  reloader.changed();
  await passed(600);
  expect(told()).toHaveLength(1);
  state.now = wrong('config.yaml:4:5 is odd');
  reloader.changed();
  await passed(600);
  expect(told()).toHaveLength(2);
  expect(reloader.health()['since']).toBe('2026-01-01T00:00:00.500Z');
  state.now = settings('a');
  reloader.changed();
  await passed(600);
  expect(told().at(-1)).toBe('the configuration is good again, and as it was before');
  expect(applied).toEqual([]);
  expect(reloader.health()).toEqual({ state: 'ready', version: 'a', loaded: '2026-01-01T00:00:00.000Z' });
});

test('what means the same is not applied', async () => {
  const { reloader, state, applied, told } = following();
  reloader.changed();
  await passed(100);
  expect(state.reads).toBe(1);
  expect(applied).toEqual([]);
  expect(told()).toEqual([]);
});

test('who asks is told at once what came of it, each time', async () => {
  const { reloader, state, told } = following();
  await reloader.reload();
  state.now = wrong('odd');
  await reloader.reload();
  await reloader.reload();
  expect(told()).toEqual([
    'the configuration is as it was',
    'the configuration is wrong and was not loaded; the one before holds',
    'the configuration is wrong and was not loaded; the one before holds',
  ]);
});

test('a warning is said when it is new', async () => {
  const { reloader, state, told } = following();
  state.now = settings('b', ['old warning', 'new warning']);
  await reloader.reload();
  expect(told()).toEqual(['configuration: new warning', 'the configuration was reloaded']);
});

test('a defect while it is applied is said, and the config before holds', async () => {
  const { reloader, state, told } = following();
  state.fails = true;
  state.now = settings('b');
  await reloader.reload();
  expect(told()).toEqual(['the configuration could not be reloaded; the one before stays']);
  expect(reloader.health()).toMatchObject({ state: 'degraded', version: 'a' });
  state.fails = false;
  await reloader.reload();
  expect(reloader.health()).toMatchObject({ state: 'ready', version: 'b' });
});

test('nothing is read after the end', async () => {
  const { reloader, state } = following();
  reloader.changed();
  await reloader.close();
  reloader.changed();
  await reloader.reload();
  await passed(1_000);
  expect(state.reads).toBe(0);
});
