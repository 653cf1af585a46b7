import { turnDeadline, type TurnDeadline } from './turn-deadline';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const never = () => new AbortController().signal;

it('ends when the time has passed, and not before', () => {
  const { signal } = turnDeadline(never(), 1_000);
  jest.advanceTimersByTime(999);
  expect(signal.aborted).toBe(false);
  jest.advanceTimersByTime(1);
  expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
});

it('ends with the one who waits, for the same reason, also where that has ended already', () => {
  const waiting = new AbortController();
  const before = turnDeadline(waiting.signal, 1_000);
  const reason = new Error('The caller has gone.');
  waiting.abort(reason);
  expect(before.signal.reason).toBe(reason);
  expect(turnDeadline(waiting.signal, 1_000).signal.reason).toBe(reason);
});

it('holds neither a timer nor a listener once it is cleared', () => {
  const waiting = new AbortController();
  const removed = jest.spyOn(waiting.signal, 'removeEventListener');
  const deadline = turnDeadline(waiting.signal, 1_000);
  expect(jest.getTimerCount()).toBe(1);
  deadline.clear();
  expect(jest.getTimerCount()).toBe(0);
  expect(removed).toHaveBeenCalledWith('abort', expect.any(Function));
  waiting.abort();
  expect(deadline.signal.aborted).toBe(false);
});

it.each([
  ['ended', (deadline: TurnDeadline) => deadline.end(new Error('over'))],
  ['over', () => jest.advanceTimersByTime(1_000)],
  ['over with the one who waits', (_: TurnDeadline, waiting: AbortController) => waiting.abort()],
])('holds neither a timer nor a listener where it is %s', (_what, end) => {
  const waiting = new AbortController();
  const removed = jest.spyOn(waiting.signal, 'removeEventListener');
  const deadline = turnDeadline(waiting.signal, 1_000);
  end(deadline, waiting);
  expect(deadline.signal.aborted).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
  expect(removed).toHaveBeenCalledWith('abort', expect.any(Function));
});
